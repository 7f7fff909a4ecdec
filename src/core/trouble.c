#include "core/trouble.h"

#include <stdio.h>
#include <string.h>

#include "util/text.h"

#define PATIENCE_USEC (3 * USEC_PER_SEC)
#define AGAIN_USEC (10 * USEC_PER_SEC) /* words that change all the time are no news */
#define FORGOTTEN_USEC (60 * USEC_PER_SEC)

static const struct {
        const char *begin, *end;
} phrases[_TROUBLE_KIND_MAX] = {
        [TROUBLE_LEASE] = {"the database does not take the lease",
                           "the database takes the lease again"},
        [TROUBLE_START] = {"workers do not start", "workers start again"},
        [TROUBLE_TURN] = {"the database does not take what workers write",
                          "the database takes what workers write again"},
};

void trouble_describe(const Trouble *trouble, char sentence[TROUBLE_SENTENCE_SIZE]) {
        (void) snprintf(sentence, TROUBLE_SENTENCE_SIZE, "%s: %s", phrases[trouble->kind].begin,
                        trouble->words);
}

const char *trouble_end_words(TroubleKind kind) {
        return phrases[kind].end;
}

void trouble_note(Troubles *troubles, TroubleKind kind, const char *words, usec_t now_usec) {
        Trouble *trouble = &troubles->of[kind];

        if (!*words)
                return;
        if (!*trouble->words)
                *trouble = (Trouble){.kind = kind, .since_usec = now_usec};
        (void) text_copy_utf8(trouble->words, sizeof(trouble->words), 0, words);
        trouble->noted_usec = now_usec;
}

usec_t trouble_over(Troubles *troubles, TroubleKind kind, usec_t now_usec) {
        Trouble *trouble = &troubles->of[kind];
        usec_t lasted = trouble->said_usec ? usec_sub(now_usec, trouble->since_usec) : 0;

        *trouble = (Trouble){0};
        return lasted;
}

/* When it is to be said. */
static usec_t news_at(const Trouble *trouble) {
        if (!*trouble->words)
                return USEC_INFINITY;
        if (!trouble->said_usec)
                return usec_add(trouble->since_usec, PATIENCE_USEC);
        return strcmp(trouble->words, trouble->said) != 0 ? usec_add(trouble->said_usec, AGAIN_USEC)
                                                          : USEC_INFINITY;
}

static usec_t forgotten_at(const Trouble *trouble) {
        return *trouble->words ? usec_add(trouble->noted_usec, FORGOTTEN_USEC) : USEC_INFINITY;
}

usec_t trouble_wake(const Troubles *troubles) {
        usec_t wake = USEC_INFINITY;

        for (TroubleKind kind = 0; kind < _TROUBLE_KIND_MAX; kind++) {
                const Trouble *trouble = &troubles->of[kind];
                wake = MIN_OF(wake, MIN_OF(news_at(trouble), forgotten_at(trouble)));
        }
        return wake;
}

const Trouble *trouble_say(Troubles *troubles, usec_t now_usec) {
        for (TroubleKind kind = 0; kind < _TROUBLE_KIND_MAX; kind++) {
                Trouble *trouble = &troubles->of[kind];
                if (now_usec >= forgotten_at(trouble))
                        *trouble = (Trouble){0};
                if (now_usec < news_at(trouble))
                        continue;
                trouble->said_usec = now_usec;
                memcpy(trouble->said, trouble->words, sizeof(trouble->said));
                return trouble;
        }
        return NULL;
}

const Trouble *trouble_told(const Troubles *troubles) {
        for (TroubleKind kind = 0; kind < _TROUBLE_KIND_MAX; kind++)
                if (troubles->of[kind].said_usec)
                        return &troubles->of[kind];
        return NULL;
}
