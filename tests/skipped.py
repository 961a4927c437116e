"""Prints the tests that ctest skipped and why: the last line that each of them said.

usage: skipped.py JUNIT_XML NAME"""
import sys
import xml.etree.ElementTree as tree

for case in tree.parse(sys.argv[1]).getroot().iter("testcase"):
    if case.find("skipped") is None:
        continue
    said = [line.strip() for line in (case.findtext("system-out") or "").splitlines() if line.strip()]
    print("  %s %s: %s" % (sys.argv[2], case.get("name"), said[-1] if said else "it does not say why"))
