"""Writes unicode_case.c: simple case mappings of Unicode as ranges.

    python3 unicode_case.py > unicode_case.c

A range is first, last, stride and what is added to the characters first, first + stride, ... last. Mappings to
several characters are left out, as they are in C's towupper and towlower; ASCII is too, which kernels know."""
import unicodedata


def mapping(upper):
    made = {}
    for c in range(0x80, 0x110000):
        if 0xd800 <= c < 0xe000:
            continue
        other = chr(c).upper() if upper else chr(c).lower()
        if c == 0x130 and not upper:
            other = "i"  # with a dot above it as a second character, in full
        if len(other) == 1 and ord(other) != c:
            made[c] = ord(other) - c
    return made


def run(left, c, stride):
    """How many characters from c on map alike, with none between them."""
    count = 1
    while left.get(c + count * stride) == left[c] and (stride == 1 or c + count * stride - 1 not in left):
        count += 1
    return count


def ranges(left):
    found = []
    while left:
        c = min(left)
        count, stride = max((run(left, c, s), -s) for s in (1, 2))
        stride = -stride
        found.append((c, c + (count - 1) * stride, stride, left[c]))
        for k in range(count):
            del left[c + k * stride]
    return found


def write(name, entries):
    print("\nconst CaseRange %s[] = {" % name)
    line = "   "
    for e in entries:
        text = " {0x%x, 0x%x, %d, %d}," % e
        if len(line + text) > 98:
            print(line)
            line = "   "
        line += text
    print(line + "\n};\nconst int %s_count = %d;" % (name, len(entries)))


print("/* Made by unicode_case.py of Unicode %s. */" % unicodedata.unidata_version)
print('#include "passes/lower/strings/unicode_case.h"\n\n/* clang-format off */')
write("case_upper", ranges(mapping(True)))
write("case_lower", ranges(mapping(False)))
print("/* clang-format on */")
