/* keep_dso.c - for sanitizer builds only: plugins of Open MPI stay mapped until the process ends,
 * because the leak checker finds the library of an allocation by its address. */

int dlclose(void *handle);

int dlclose(void *handle)
{
    (void)handle;
    return 0;
}
