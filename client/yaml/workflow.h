/* WORKFLOW.yaml: the shape of a workflow as a person writes it, with names where the plan has numbers. */
#ifndef CMAW_CLIENT_YAML_WORKFLOW_H
#define CMAW_CLIENT_YAML_WORKFLOW_H

#include "lib/base/diag.h"
#include "lib/sst/plan.h"

/* Appends the Plan for this manifest: steps and edges get their place in the file as id, and `client` is the outer end of
 * edges. What is not a valid plan is MALFORMED with file, line where there is one, and the rule. */
enum cmaw_err cmaw_workflow_plan(const char *path, const struct cmaw_manifest *manifest, struct cmaw_buf *plan,
                                 struct cmaw_diag *diag);

#endif
