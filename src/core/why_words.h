/* The sentence for a reason of why.h. */
#pragma once

#include "core/why.h"

/* Writes the sentence for answer->reason, and what stands in it for programs. */
void why_say(const WhyFacts *facts, WhyAnswer *answer);
