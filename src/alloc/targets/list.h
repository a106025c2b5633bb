/* list.h - the built-in targets, one line each; the first one is the default. */
TARGET(generic)
TARGET(host)
TARGET(tiny)
