"""JPEG (ISO/IEC 10918-1) below its samples: blocks are blanked in the entropy-coded data, and nothing else is touched.

``markers`` cuts a codestream into its segments, ``huffman`` has its tables, ``entropy`` walks through the bits of the
blocks, and ``blanking`` is the page: boxes in, a codestream of the same syntax out, in which every block outside of
the boxes has the bits that it had. Sequential DCT with Huffman codes (SOF0, SOF1: Baseline, and Extended of 8 and
12 bits), interleaved or not, subsampled or not, with restart intervals or without; all else is refused.

2026-11-30: there is no library for this that is kept and light. jpeglib (MPL, 22 MB, Linux wheels) goes through files
and writes a codestream anew; PyTurboJPEG needs a shared library that pip does not bring. Looking up the length of a
code at every bit of a piece at once makes the rest a loop that is fast enough (tests/benchmarks/blanking.py).
"""
