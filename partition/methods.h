/* methods.h - the partition methods, one line each; the first one is the default. */
METHOD(auto)
METHOD(multilevel)
METHOD(metis_cut)
METHOD(contiguous)
METHOD(even)
METHOD(random)
METHOD(file)
