const char *plugin_name(void) { return "a plugin"; }
