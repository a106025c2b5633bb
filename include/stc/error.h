/* error.h - how a function of this library says that something went wrong.
 *
 * A function that can fail returns 0 or a negative code. The text of the failure is kept per
 * thread and says where, what was found, what was expected, and a remedy:
 *     model.h5:/graph/nodes/conv1: weight has 3 dimensions, expected 4 (out, in, height, width)
 */
#ifndef STC_ERROR_H
#define STC_ERROR_H

/* name, value, exit code of the command, meaning */
#define STC_ERROR_LIST(X)                                                                          \
    X(STC_ERR_INPUT, -1, 1, "bad or missing input")                                                \
    X(STC_ERR_FIT, -2, 1, "does not fit the target or the memory limit")                           \
    X(STC_ERR_USAGE, -3, 2, "wrong use of a command")                                              \
    X(STC_ERR_IO, -4, 3, "cannot write or read")                                                   \
    X(STC_ERR_NOMEM, -5, 3, "out of memory")                                                       \
    X(STC_ERR_INTERNAL, -6, 3, "internal failure")

#define STC_ERROR_ENUM(name, value, exit_code, text) name = value,
enum { STC_OK = 0, STC_ERROR_LIST(STC_ERROR_ENUM) };
#undef STC_ERROR_ENUM

/* Room for the text of a failure: paths may have 4095 bytes. */
enum { STC_ERROR_SIZE = 6144 };

/* Record the text of a failure for this thread and return code. Local. The text is copied and cut
 * at STC_ERROR_SIZE - 1 bytes; control characters (but for the line break before "hint:") and what
 * is not UTF-8 become '?'. */
int stc_fail(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Put "prefix: " before the text of the last failure of this thread and return code. Local. For
 * callers that know the object (a file, a node) which the failing function did not. */
int stc_fail_in(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The text of the last failure of this thread, borrowed; "" if there was none. Local. */
const char *stc_error_text(void);

/* Exit code of a command that ends with rc: 0, 1, 2 or 3 as documented. Local. */
int stc_exit_code(int rc);

/* Return at once: only where nothing has been acquired yet that needs release. */
#define STC_TRY(call)                                                                              \
    do {                                                                                           \
        int stc_rc_ = (call);                                                                      \
        if (stc_rc_ < 0) return stc_rc_;                                                           \
    } while (0)
#define STC_CHECK(condition, code, ...)                                                            \
    do {                                                                                           \
        if (!(condition)) STC_FAIL(code, __VA_ARGS__);                                             \
    } while (0)
/* The comma shows the compiler that a constant code is negative. */
#define STC_FAIL(code, ...) return (stc_fail((code), __VA_ARGS__), (code))

#endif
