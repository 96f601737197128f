/* What comes out of a run: files, standard output, or JSON. */
#ifndef CMAW_CLIENT_RUN_OUTPUT_H
#define CMAW_CLIENT_RUN_OUTPUT_H

#include "client/options.h"
#include "client/run/outcome.h"

/* USAGE if outputs (FILE for the only edge to the client, or NAME=FILE) do not fit the workflow, so that a run is not started in vain. */
enum cmaw_err cmaw_output_check(const struct cmaw_plan *plan, const struct cmaw_words *outputs, struct cmaw_diag *diag);
/* Opens every edge to the client and writes it: to its file, or to standard output where only one is left over. With json, prints
 * {"run_id","workflow_id","status","output_file"|"output"}, or "outputs": {NAME: …} where there are several. */
enum cmaw_err cmaw_output_write(const struct cmaw_outcome *outcome, const struct cmaw_run_record *record, const struct cmaw_words *outputs,
                                bool json, struct cmaw_diag *diag);

#endif
