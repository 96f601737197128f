#include "client/report/style.h"

/* CMAW_STYLE_FILE is the path of client/report/page.css, given by the build. */
__asm__(".section .rodata\n"
        "cmaw_report_style_start: .incbin \"" CMAW_STYLE_FILE "\"\n"
        "cmaw_report_style_end:\n"
        ".previous\n");

extern const uint8_t cmaw_report_style_start[];
extern const uint8_t cmaw_report_style_end[];

struct cmaw_slice cmaw_report_style(void)
{
    return cmaw_slice_of(cmaw_report_style_start, (size_t)(cmaw_report_style_end - cmaw_report_style_start));
}
