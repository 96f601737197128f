/* SQLite's access to files, in which a process dies by SIGKILL at the nth thing that it does to a file. */
#ifndef CMAW_TESTS_UNIT_DYING_VFS_H
#define CMAW_TESTS_UNIT_DYING_VFS_H

/* From now on this process dies right before its nth write, sync, truncation or removal, counted from 1. Call it in a child, before a store is opened. */
void dying_vfs_arm(int nth);

/* Runs act(context) in children that die at the first such moment and at every step-th after it, and calls check(context, the moment) after each; then once in a child that
 * is not killed, which must exit with 0. Returns how many moments there were, give or take a step. */
int dying_vfs_each(int step, void (*act)(void *context), void (*check)(void *context, int nth), void *context);

#endif
