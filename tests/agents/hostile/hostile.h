/* An agent that attacks, in modes: hostile MODE. Each mode tries many things, counts what it tried, and keeps a line about
 * every attempt that got through or was refused by another wall than the one it should meet; with none it says "refused".
 * Nothing of the runtime is linked: an agent has only what the kernel gives it. */
#ifndef HOSTILE_H
#define HOSTILE_H

#include <errno.h>
#include <stddef.h>

enum { ANY_ERRNO = 0 };

/* Notes an attempt that should have failed, with errno wanted unless that is ANY_ERRNO; call it right after the attempt. */
void attempt(int wanted, const char *what, long result);
/* A system call that the filter must refuse whatever its arguments are. */
#define FORBIDDEN(what, result) attempt(EPERM, what, (errno = 0, (long)(result)))
/* Notes that something is as it must not be. */
void got_through(const char *what);
/* Runs try in a child, which it must not survive: ending by itself is an attempt that got through. */
void attempt_deadly(const char *what, void (*try)(void));

/* Adds to what is written to standard output at the end of the mode: as it is, or under --ports as the content of the port "out". */
void say(const char *text);
/* Prints the verdict; the exit status. */
int verdict(void);
/* The word behind the mode, "" if there is none. */
extern const char *mode_word;
void write_all(const char *bytes, size_t size);
/* A length of five bytes: longer than need be, which only canonical readers mind. Returns 5. */
size_t put_length(char *out, size_t length);
/* A field of bytes with its tag; returns how long it is. */
size_t put_field(char *out, char tag, const char *bytes, size_t size);

/* Modes return the exit status. The runtime's memory, files, descriptors (secrets.c). */
int mode_memory(void), mode_trace(void), mode_files(void), mode_descriptors(void), mode_core(void), mode_write_input(void);
/* Ways out: sockets, mounts, namespaces, devices (walls.c). */
int mode_sockets(void), mode_socket_calls(void), mode_other_abi(void), mode_mount(void), mode_namespaces(void), mode_root(void),
    mode_nsm(void);
/* Privileges and parts of the kernel (power.c). */
int mode_privilege(void), mode_identity(void), mode_set_user_id(void), mode_prctl(void), mode_calls(void), mode_ioctl(void), mode_realtime(void),
    mode_counters(void);
/* What the next step must not find (keep.c). */
int mode_litter(void), mode_daemon(void), mode_ipc(void), mode_locks(void), mode_watch(void), mode_touch(void), mode_timers(void),
    mode_look(void), mode_clean(void);
/* More than its share (fill.c, memory_fill.c). */
int mode_forkbomb(void), mode_threads(void), mode_vfork(void), mode_zombies(void), mode_arguments_fill(void),
    mode_tmp_fill(void), mode_tmp_names(void), mode_descriptors_fill(void), mode_pipes_fill(void), mode_maps_fill(void), mode_output_sparse(void);
int mode_memory_fill(void), mode_stack_fill(void), mode_protect_fill(void), mode_tables_fill(void), mode_family_fill(void);
/* No end (endless.c). */
int mode_hang(void), mode_stop(void), mode_spin(void), mode_vfork_wait(void), mode_respawn(void), mode_close_output(void), mode_cpu(void),
    mode_timer_storm(void), mode_long_calls(void),
    mode_flood(void), mode_flood_errors(void), mode_flood_huge(void);
/* Lies to the runtime (forge.c). */
int mode_frames(void), mode_seals(void), mode_behind(void), mode_no_output(void), mode_exit(void), mode_fault(void), mode_abort(void),
    mode_forge(void), mode_signals(void);
/* Other languages (others.c, hostile.sh, hostile.py). */
int mode_shell(void), mode_python(void);
/* What nobody thought of (random.c). */
int mode_random(void);
/* Not hostile: what tests of the sandbox look at (main.c). */
int mode_echo(void), mode_env(void);
/* Every mode's name, one a line: for the test that the list of attacks is complete. */
int mode_names(void);

#endif
