#!/usr/bin/env node
console.log(require('./adder')(...process.argv.slice(2).map(Number)));
