/* A word in between for those who wait. */
#ifndef CMAW_IMAGE_PROGRESS_H
#define CMAW_IMAGE_PROGRESS_H

/* A line on standard error that says what comes next, once two seconds have passed since the last or the first call: a small image is built in
 * silence. */
[[gnu::format(printf, 1, 2)]] void cmaw_image_progress(const char *format, ...);

#endif
