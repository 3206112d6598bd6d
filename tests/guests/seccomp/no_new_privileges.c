// Filters are for who can't gain privileges any more; that, and whether there is a filter, each thread and process has
// of its own, hands on, and is told.
#include "../no_new_privileges.h"
