/* setxattr FILE NAME HEX: sets an extended attribute to the bytes written in hexadecimal. */
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>

int main(int count, char **words) {
    unsigned char value[256];
    if (count != 4) return 2;
    size_t len = strlen(words[3]) / 2;
    if (len > sizeof value) return 2;
    for (size_t at = 0; at < len; at++)
        if (sscanf(words[3] + 2 * at, "%2hhx", &value[at]) != 1) return 2;
    if (lsetxattr(words[1], words[2], value, len, 0)) {
        perror(words[2]);
        return 1;
    }
    return 0;
}
