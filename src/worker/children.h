/*
 * Processes that a plugin has started and left. They end with the job: a worker adopts what its
 * descendants leave behind, so that none of them gets away.
 */
#pragma once

/* This process adopts orphans of its descendants from now on. */
void children_adopt(void);

/*
 * Ends and reaps every descendant. Returns how many had to be ended, or -1 when some could not be
 * within a few seconds.
 */
int children_end(void);
