/* The files that AWS's tools share, ~/.aws/credentials and ~/.aws/config: sections of "name = value" lines
 * (AWS SDKs and Tools Reference Guide, "Shared config and credentials files"). */
#ifndef CMAW_SYS_AWS_PROFILE_H
#define CMAW_SYS_AWS_PROFILE_H

#include "lib/base/bytes.h"

enum { CMAW_AWS_FILE_MAX = 256 * 1024 }; /* bytes of a file */

enum cmaw_aws_file { CMAW_AWS_FILE_CREDENTIALS, CMAW_AWS_FILE_CONFIG };

/* What a file says of one profile; empty where it says nothing. Borrowed from the file's text. */
struct cmaw_aws_profile {
    bool found;
    struct cmaw_slice access_key_id;
    struct cmaw_slice secret_access_key;
    struct cmaw_slice session_token;
    struct cmaw_slice region;
    const char *unsupported; /* the name of a setting that gives credentials in a way that is not supported here; NULL: none */
};

/* Reads the profile's sections: [NAME] in a credentials file; [profile NAME], or [default], in a config file. As AWS's tools do: the last
 * of two equal settings counts, indented lines belong to the setting above, what follows " #" or " ;" is comment, other sections and
 * settings are passed over. The text may be hostile. MALFORMED, with the line's number: a line that is neither section, setting
 * nor comment, a setting before any section, a control character. */
enum cmaw_err cmaw_aws_profile_read(struct cmaw_slice text, enum cmaw_aws_file file, const char *name,
                                    struct cmaw_aws_profile *ret_profile, unsigned *ret_line);

#endif
