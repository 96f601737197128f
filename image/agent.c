#include "image/agent.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "image/program.h"
#include "image/parts.h"
#include "sys/file.h"

static const char default_path[] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"; /* as container runtimes have it */

/* A link of the root file system may have led the file to where nobody would see it. */
static enum cmaw_err check_visible(const struct image_spec *spec, const struct image_tree *tree, const struct image_file *file, struct cmaw_diag *diag)
{
    CMAW_BUF_AUTO(path, CMAW_PATH_MAX);
    const struct image_node *node = cmaw_tree_find(tree, file->target);
    CMAW_REQUIRE(node != NULL, CMAW_E_BUG);
    cmaw_buf_put_u8(&path, '/');
    cmaw_tree_path_put(node, &path);
    cmaw_buf_put_u8(&path, 0);
    CMAW_TRY(path.err);
    if (cmaw_image_is_mount((const char *)path.data)) {
        return cmaw_image_spec_fault(spec, diag, file->target, "target %s is %s, in a folder of the runtime", file->target, path.data);
    }
    return CMAW_OK;
}

static enum cmaw_err put_file(const struct image_spec *spec, const struct image_file *file, struct image_tree *tree, struct cmaw_diag *diag)
{
    CMAW_BUF_AUTO(path, CMAW_PATH_MAX);
    CMAW_BUF_AUTO(content, tree->bytes_max);
    const char *target = file->target + 1;
    if (cmaw_image_source_path(spec, file->source, &path) != CMAW_OK) {
        return cmaw_image_spec_fault(spec, diag, file->target, "the path is too long");
    }
    enum cmaw_err err = cmaw_image_source_read((const char *)path.data, &content, diag);
    if (err != CMAW_OK) {
        (void)cmaw_image_spec_fault(spec, diag, file->source, "%s", diag->text);
        return err;
    }
    const struct image_node *there = cmaw_tree_find(tree, target);
    if (there != NULL && there->kind == IMAGE_FOLDER) {
        return cmaw_image_spec_fault(spec, diag, file->target, "target %s is a folder of the root file system", file->target);
    }
    err = cmaw_tree_put_file(tree, target, cmaw_image_file_mode(file), &content, diag);
    if (err != CMAW_OK) {
        return cmaw_image_spec_fault(spec, diag, file->target, "%s", diag->text);
    }
    return check_visible(spec, tree, file, diag);
}

/* The runtime mounts its own over these, or nothing: what an image has there would not be seen. A link would lead the mount elsewhere. */
static enum cmaw_err empty_mounts(struct image_tree *tree, struct cmaw_diag *diag)
{
    for (size_t i = 0; cmaw_image_mounts[i] != NULL; i++) {
        const char *path = cmaw_image_mounts[i] + 1;
        const size_t before = tree->entries;
        cmaw_tree_remove(tree, path);
        if (tree->entries < before) {
            CMAW_TRY(cmaw_tree_put_folder(tree, path, diag));
        }
    }
    return CMAW_OK;
}

enum cmaw_err cmaw_image_agent_files(const struct image_spec *spec, struct image_rootfs *rootfs, struct cmaw_diag *diag)
{
    const struct image_agent *agent = &spec->yaml->agent;
    CMAW_TRY(empty_mounts(&rootfs->tree, diag));
    rootfs->tree.layer++;
    for (unsigned i = 0; i < agent->files_count; i++) {
        CMAW_TRY(put_file(spec, &agent->files[i], &rootfs->tree, diag));
    }
    return CMAW_OK;
}

static enum cmaw_err merge_env(const struct image_spec *spec, const struct image_words *below, struct image_words *env, struct cmaw_diag *diag)
{
    const struct image_agent *agent = &spec->yaml->agent;
    for (unsigned i = 0; i < below->count; i++) {
        CMAW_TRY(cmaw_image_words_set(env, cmaw_slice_of_cstr(below->list[i])));
    }
    for (unsigned i = 0; i < agent->env_count; i++) {
        if (cmaw_image_words_set(env, cmaw_slice_of_cstr(agent->env[i])) != CMAW_OK) {
            return cmaw_image_spec_fault(spec, diag, agent->env[i], "env has more than %d entries with those of the root file system", IMAGE_WORDS_MAX);
        }
    }
    return CMAW_OK;
}

static enum cmaw_err merge_command(const struct image_spec *spec, const struct image_words *below, struct image_words *command, struct cmaw_diag *diag)
{
    const struct image_agent *agent = &spec->yaml->agent;
    char *const *words = agent->command_count > 0 ? agent->command : below->list;
    const unsigned count = agent->command_count > 0 ? agent->command_count : below->count;
    if (count == 0) {
        cmaw_diag_hint(diag, "agent.command is [/path/of/program, word, …]");
        return cmaw_image_spec_fault(spec, diag, "agent", "agent has no command, and its root file system comes with none");
    }
    for (unsigned i = 0; i < count; i++) {
        CMAW_TRY(cmaw_image_words_add(command, cmaw_slice_of_cstr(words[i])));
    }
    return CMAW_OK;
}

/* A folder that the YAML file names has to be there; one that an image's configuration names is made, as container runtimes do. */
static enum cmaw_err merge_workdir(const struct image_spec *spec, struct image_rootfs *rootfs, char **ret_workdir, struct cmaw_diag *diag)
{
    const char *given = spec->yaml->agent.workdir, *workdir = given != NULL ? given : rootfs->config.workdir;
    if (workdir == NULL || strcmp(workdir, "/") == 0) {
        return CMAW_OK;
    }
    const struct image_node *node = cmaw_tree_find(&rootfs->tree, workdir);
    if (node == NULL && given == NULL) {
        const enum cmaw_err err = cmaw_tree_put_folder(&rootfs->tree, workdir + 1, diag);
        if (err != CMAW_OK) {
            return cmaw_image_spec_fault(spec, diag, "rootfs:", "WorkingDir %s", diag->text);
        }
        node = cmaw_tree_find(&rootfs->tree, workdir);
    }
    const bool mounted = cmaw_image_is_mount(workdir);
    if (!mounted && (node == NULL || node->kind != IMAGE_FOLDER)) {
        return cmaw_image_spec_fault(spec, diag, workdir, "workdir %s is not a folder of the image", workdir);
    }
    *ret_workdir = NULL;
    return asprintf(ret_workdir, "%s", workdir) < 0 ? CMAW_E_NO_MEMORY : CMAW_OK;
}

static bool is_program(const struct image_tree *tree, const char *path)
{
    const struct image_node *node = cmaw_tree_find(tree, path);
    return node != NULL && node->kind == IMAGE_FILE && (node->mode & 0111) != 0;
}

/* The path that a word of a command stands for, as execvp would find it from the working folder. */
static bool find_program(const struct image_tree *tree, const struct image_runtime *runtime, const char *word, char ret_path[static IMAGE_TEXT_MAX + 1])
{
    const char *folder = runtime->workdir == NULL ? "" : runtime->workdir;
    if (word[0] == '/') {
        (void)snprintf(ret_path, IMAGE_TEXT_MAX + 1, "%s", word);
        return cmaw_tree_find(tree, ret_path) != NULL;
    }
    if (strchr(word, '/') != NULL) {
        return snprintf(ret_path, IMAGE_TEXT_MAX + 1, "%s/%s", folder, word) <= IMAGE_TEXT_MAX && cmaw_tree_find(tree, ret_path) != NULL;
    }
    const char *list = cmaw_image_words_get(&runtime->env, "PATH");
    for (const char *at = list == NULL ? default_path : list; *at != '\0';) {
        const size_t size = strcspn(at, ":");
        const bool absolute = at[0] == '/';
        if (size > 0 && snprintf(ret_path, IMAGE_TEXT_MAX + 1, "%s%s%.*s/%s", absolute ? "" : folder, absolute ? "" : "/", (int)size, at, word) <= IMAGE_TEXT_MAX &&
            is_program(tree, ret_path)) {
            return true;
        }
        at += size + (at[size] == ':');
    }
    return false;
}

/* The program behind "#!", or the loader of a dynamic program; an empty text if it needs neither. */
static bool read_helper(struct cmaw_slice program, char ret_path[static IMAGE_TEXT_MAX + 1])
{
    Elf64_Ehdr header;
    ret_path[0] = '\0';
    if (program.size >= 2 && program.data[0] == '#' && program.data[1] == '!') {
        size_t start = 2, end;
        while (start < program.size && (program.data[start] == ' ' || program.data[start] == '\t')) {
            start++;
        }
        for (end = start; end < program.size && program.data[end] > ' '; end++) {
        }
        return cmaw_slice_to_cstr(cmaw_slice_sub(program, start, end - start), ret_path, IMAGE_TEXT_MAX + 1) == CMAW_OK && ret_path[0] != '\0';
    }
    return cmaw_program_read_header(program, &header) && cmaw_program_read_loader(program, &header, ret_path, IMAGE_TEXT_MAX + 1);
}

static enum cmaw_err check_program(const struct image_spec *spec, const struct image_tree *tree, const char *word, const char *path, struct cmaw_diag *diag)
{
    char helper[IMAGE_TEXT_MAX + 1];
    const struct image_node *node = cmaw_tree_find(tree, path);
    if (node->kind != IMAGE_FILE) {
        return cmaw_image_spec_fault(spec, diag, word, "command %s is a folder", word);
    }
    if ((node->mode & 0111) == 0) {
        return cmaw_image_spec_fault(spec, diag, word, "command %s has no mode that allows to run it", word);
    }
    if (!read_helper(cmaw_buf_slice(&node->content), helper)) {
        return cmaw_image_spec_fault(spec, diag, word, "command %s is neither a program for 64-bit x86 or Arm nor a script with #!", word);
    }
    if (helper[0] != '\0' && !is_program(tree, helper)) {
        cmaw_diag_hint(diag, "put it and what it needs into the image, or link the program statically");
        return cmaw_image_spec_fault(spec, diag, word, "command %s needs %s, which is not in the image", word, helper);
    }
    return CMAW_OK;
}

static enum cmaw_err resolve_command(const struct image_spec *spec, const struct image_tree *tree, struct image_runtime *runtime, struct cmaw_diag *diag)
{
    char path[IMAGE_TEXT_MAX + 1];
    const char *word = runtime->command.list[0];
    if (!find_program(tree, runtime, word, path)) {
        return cmaw_image_spec_fault(spec, diag, word, "command %s is not a file of the image", word);
    }
    CMAW_TRY(check_program(spec, tree, word, path, diag));
    char *copy = NULL;
    CMAW_REQUIRE(asprintf(&copy, "%s", path) >= 0, CMAW_E_NO_MEMORY);
    free(runtime->command.list[0]);
    runtime->command.list[0] = copy;
    return CMAW_OK;
}

enum cmaw_err cmaw_image_agent_runtime(const struct image_spec *spec, struct image_rootfs *rootfs, struct image_runtime *ret_runtime,
                                       struct cmaw_diag *diag)
{
    CMAW_TRY(merge_env(spec, &rootfs->config.env, &ret_runtime->env, diag));
    CMAW_TRY(merge_command(spec, &rootfs->config.command, &ret_runtime->command, diag));
    CMAW_TRY(merge_workdir(spec, rootfs, &ret_runtime->workdir, diag));
    return resolve_command(spec, &rootfs->tree, ret_runtime, diag);
}

void cmaw_image_runtime_free(struct image_runtime *runtime)
{
    cmaw_image_words_free(&runtime->command);
    cmaw_image_words_free(&runtime->env);
    free(runtime->workdir);
    runtime->workdir = NULL;
}
