/* The ways in which a job can end, most of which no job should. */
#pragma once

/* For the parameter's table; ends with NULL. */
extern const char *const ending_choices[];

/* Ends in that way: returns RJ_*, or never. */
int ending_reach(const char *choice);
