/* The test cases of an agent: files tests/CASE.in of its folder, with what is expected of it beside. */
#ifndef CMAW_CLIENT_AGENT_CASES_H
#define CMAW_CLIENT_AGENT_CASES_H

#include "sys/file.h"

enum { CMAW_CASE_NAME_MAX = 100, CMAW_CASES_MAX = 1000 };

struct cmaw_case {
    char name[CMAW_CASE_NAME_MAX + 1];
};

struct cmaw_cases {
    char folder[CMAW_PATH_MAX]; /* the folder tests/ */
    struct cmaw_case *list;     /* by name */
    size_t count;
};

/* NOT_FOUND with a hint if there is no case. The caller frees, also after a failure; *cases is all zero before. */
enum cmaw_err cmaw_cases_load(const char *agent_folder, struct cmaw_cases *cases, struct cmaw_diag *diag);
void cmaw_cases_free(struct cmaw_cases *cases);
#define CMAW_CASES_AUTO(name) [[gnu::cleanup(cmaw_cases_free)]] struct cmaw_cases name = {.count = 0}

/* FOLDER/tests/CASE.ENDING */
enum cmaw_err cmaw_case_path(const struct cmaw_cases *cases, const char *name, const char *ending, char ret_path[static CMAW_PATH_MAX]);

#endif
