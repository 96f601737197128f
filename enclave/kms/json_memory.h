/* The memory of JSON values: KMS's answers hold what opens keys, so what jansson copies of them is wiped when it is freed. */
#ifndef CMAW_KMS_JSON_MEMORY_H
#define CMAW_KMS_JSON_MEMORY_H

/* For the whole process, from the first call on; thread-safe. No JSON value made before may be freed afterwards. */
void cmaw_json_wipe_on_free(void);

#endif
