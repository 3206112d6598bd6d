#ifdef __cplusplus
extern "C"
#endif
int measure(const char *text);
