#include <answer.h>

void print(int);

int main(void) {
    print(ANSWER);
    return 0;
}
