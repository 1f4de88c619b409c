"""Published test data, with the figures that were published of them."""

from __future__ import annotations

# Bock and Lieberman (1970), "Fitting a response model for n dichotomously scored items", Psychometrika 35:
# Section 6 of the Law School Admission Test, 1000 people by 5 items, by pattern of right (1) and wrong (0).
_PATTERNS = {
    "00000": 3, "00001": 6, "00010": 2, "00011": 11, "00100": 1, "00101": 1, "00110": 3, "00111": 4, "01000": 1,
    "01001": 8, "01011": 16, "01101": 3, "01110": 2, "01111": 15, "10000": 10, "10001": 29, "10010": 14,
    "10011": 81, "10100": 3, "10101": 28, "10110": 15, "10111": 80, "11000": 16, "11001": 56, "11010": 21,
    "11011": 173, "11100": 11, "11101": 61, "11110": 28, "11111": 298,
}  # fmt: skip
LSAT6 = [[int(digit) for digit in pattern] for pattern, count in _PATTERNS.items() for _ in range(count)]

# The shares of those who were right follow from the patterns. Cronbach's alpha, and that without each item: of
# cronbach.alpha(LSAT) and descript(LSAT) of the R package ltm (Rizopoulos, 2006, Journal of Statistical Software
# 17(5)), as RKWard's repository keeps their output in tests/item_response_theory.
LSAT6_DIFFICULTY = [0.924, 0.709, 0.553, 0.763, 0.870]
LSAT6_ALPHA = 0.295
LSAT6_ALPHA_WITHOUT = [0.28, 0.24, 0.22, 0.25, 0.27]

# Chatterjee and Price (1977), "Regression analysis by example": the data set `attitude` of R. 30 departments by
# the percentage of favourable answers to rating, complaints, privileges, learning, raises, critical, advance.
ATTITUDE = [
    [43, 51, 30, 39, 61, 92, 45], [63, 64, 51, 54, 63, 73, 47], [71, 70, 68, 69, 76, 86, 48],
    [61, 63, 45, 47, 54, 84, 35], [81, 78, 56, 66, 71, 83, 47], [43, 55, 49, 44, 54, 49, 34],
    [58, 67, 42, 56, 66, 68, 35], [71, 75, 50, 55, 70, 66, 41], [72, 82, 72, 67, 71, 83, 31],
    [67, 61, 45, 47, 62, 80, 41], [64, 53, 53, 58, 58, 67, 34], [67, 60, 47, 39, 59, 74, 41],
    [69, 62, 57, 42, 55, 63, 25], [68, 83, 83, 45, 59, 77, 35], [77, 77, 54, 72, 79, 77, 46],
    [81, 90, 50, 72, 60, 54, 36], [74, 85, 64, 69, 79, 79, 63], [65, 60, 65, 75, 55, 80, 60],
    [65, 70, 46, 57, 75, 85, 46], [50, 58, 68, 54, 64, 78, 52], [50, 40, 33, 34, 43, 64, 33],
    [64, 61, 52, 62, 66, 80, 41], [53, 66, 52, 50, 63, 80, 37], [40, 37, 42, 58, 50, 57, 49],
    [63, 54, 42, 48, 66, 75, 33], [66, 77, 66, 63, 88, 76, 72], [78, 75, 58, 74, 80, 78, 49],
    [48, 57, 44, 45, 51, 83, 38], [85, 85, 71, 71, 77, 74, 55], [82, 82, 39, 59, 64, 78, 39],
]  # fmt: skip

# alpha(attitude) of the R package psych (Revelle), the first example of its help page: raw_alpha, raw_alpha if an
# item is dropped, raw.r, r.drop, mean and sd.
ATTITUDE_ALPHA = 0.84
ATTITUDE_ALPHA_WITHOUT = [0.81, 0.80, 0.83, 0.80, 0.80, 0.86, 0.84]
ATTITUDE_ITEM_TOTAL = [0.78, 0.84, 0.70, 0.81, 0.85, 0.42, 0.60]
ATTITUDE_ITEM_REST = [0.67, 0.74, 0.56, 0.71, 0.79, 0.27, 0.46]
ATTITUDE_MEAN = [65, 67, 53, 56, 65, 75, 43]
ATTITUDE_DEVIATION = [12.2, 13.3, 12.2, 11.7, 10.4, 9.9, 10.3]
