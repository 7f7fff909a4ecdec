#include "core/trust.h"

#include <stdio.h>

#define GROUP_WRITES 0020u
#define OTHERS_WRITE 0002u
#define OTHERS_READ 0004u
#define STICKY 01000u
#define MODE_BITS 07777u

#define PATH_SHOWN 140

/* Those of the two bits that let somebody write who may not. */
static uint32_t writers(const TrustFacts *facts) {
        uint32_t bits = facts->mode & (GROUP_WRITES | OTHERS_WRITE);

        if (facts->kind == TRUST_LINK)
                return 0;
        /* There everybody can make files, and nobody but their owner can replace them. */
        if (facts->kind == TRUST_DIRECTORY && facts->mode & STICKY)
                return 0;
        return facts->is_group_private ? bits & ~GROUP_WRITES : bits;
}

TrustFault trust_judge(const TrustFacts *facts, uint32_t user) {
        if (facts->owner && facts->owner != user)
                return TRUST_FAULT_OWNER;
        if (writers(facts))
                return TRUST_FAULT_WRITERS;
        if (facts->kind == TRUST_SECRET && facts->mode & OTHERS_READ)
                return TRUST_FAULT_READERS;
        return TRUST_FAULT_NONE;
}

static const char *const names[_TRUST_KIND_MAX] = {
        [TRUST_FILE] = "file",
        [TRUST_SECRET] = "file",
        [TRUST_DIRECTORY] = "directory",
        [TRUST_LINK] = "symbolic link",
};

static void explain_owner(const TrustFacts *facts, const char *path, uint32_t user, char *why,
                          size_t size) {
        char own[40] = "";

        if (user)
                (void) snprintf(own, sizeof(own), " or to user %u, who runs this", user);
        (void) snprintf(why, size, "%s '%.*s' belongs to user %u, not to root%s: chown %sroot %.*s",
                        names[facts->kind], PATH_SHOWN, path, facts->owner, own,
                        facts->kind == TRUST_LINK ? "-h " : "", PATH_SHOWN, path);
}

static void explain_writers(const TrustFacts *facts, const char *path, char *why, size_t size) {
        uint32_t bits = writers(facts);
        char group[40];

        (void) snprintf(group, sizeof(group), "group %u", facts->group);
        (void) snprintf(why, size, "%s '%.*s' can be changed by %s (mode %04o): chmod %s%s-w %.*s",
                        names[facts->kind], PATH_SHOWN, path,
                        bits & OTHERS_WRITE ? "everybody" : group, facts->mode & MODE_BITS,
                        bits & GROUP_WRITES ? "g" : "", bits & OTHERS_WRITE ? "o" : "", PATH_SHOWN,
                        path);
}

void trust_explain(TrustFault fault, const TrustFacts *facts, const char *path, uint32_t user,
                   char *why, size_t size) {
        if (fault == TRUST_FAULT_OWNER)
                explain_owner(facts, path, user, why, size);
        else if (fault == TRUST_FAULT_WRITERS)
                explain_writers(facts, path, why, size);
        else if (fault == TRUST_FAULT_READERS)
                (void) snprintf(why, size,
                                "file '%.*s' can be read by everybody (mode %04o): chmod o-r %.*s",
                                PATH_SHOWN, path, facts->mode & MODE_BITS, PATH_SHOWN, path);
}
