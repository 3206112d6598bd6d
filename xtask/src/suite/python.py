"""Runs one of CPython's test modules, and prints what each case ends with on a line of its own."""

import os
import sys
import unittest


class Result(unittest.TextTestResult):
    """What unittest knows anyway, one line a case."""

    def tell(self, verdict, test, detail=""):
        sys.stdout.flush()
        os.write(1, f"\nCASE: {verdict} {test.id()}{detail}\n".encode())

    def addSuccess(self, test):
        super().addSuccess(test)
        self.tell("passed", test)

    def addError(self, test, error):
        super().addError(test, error)
        self.tell("failed", test)

    def addFailure(self, test, error):
        super().addFailure(test, error)
        self.tell("failed", test)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.tell("skipped", test)

    def addExpectedFailure(self, test, error):
        super().addExpectedFailure(test, error)
        self.tell("expected", test)

    def addUnexpectedSuccess(self, test):
        super().addUnexpectedSuccess(test)
        self.tell("failed", test)

    def addSubTest(self, test, subtest, error):
        super().addSubTest(test, subtest, error)
        if error is not None:
            self.tell("failed", test, " in a subtest")


os.mkdir("work")
os.chdir("work")
tests = unittest.defaultTestLoader.loadTestsFromName(sys.argv[1])
unittest.TextTestRunner(stream=sys.stdout, resultclass=Result).run(tests)
