/* The style sheet of the page, which is part of the program. */
#ifndef CMAW_CLIENT_REPORT_STYLE_H
#define CMAW_CLIENT_REPORT_STYLE_H

#include "lib/base/bytes.h"

struct cmaw_slice cmaw_report_style(void);

#endif
