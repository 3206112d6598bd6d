package main

import (
	"fmt"
	"os"
	"strconv"

	"example.org/module/collatz"
)

func main() {
	n, err := strconv.Atoi(os.Args[1])
	if err != nil {
		panic(err)
	}
	fmt.Println(n, "takes", collatz.Steps(n), "steps")
}
