"""Rules of MISRA C:2012 that generated C and kernels do not keep, each with its reason."""

DEVIATIONS: dict[str, str] = {
    "2.2": "places in a block are written as a sum, with an offset of 0 too",
    "2.3": "a type that only asserts, at compile time, that the compiler shifts arithmetically",
    "2.5": "the header offers sizes, and kernels limits, that a caller may not need",
    "5.1": "names say what they are of, and compilers tell 63 characters apart, as C99 asks inside of a file",
    "5.5": "names of a build's kernels are macros, so that two builds in one program do not meet",
    "5.9": "a static function of a kernel's text is one of each file that takes the text in",
    "7.2": "limits of integers are written as decimal constants of the type that they belong to",
    "8.7": "functions of the header are called by the program around the build",
    "8.14": "`restrict` says that inputs and outputs do not overlap, which the header asks for: loops become vectors",
    "10.1": "requantization shifts signed integers right; edgekit.h refuses compilers that do not do so arithmetically",
    "10.3": "comparisons give 0 or 1, which is stored as the integer that the network's bool is",
    "10.4": "int32_t and size constants meet in sums whose range the export knows",
    "10.6": "products of int32_t are kept in int64_t where the export proves that 32 bits hold them",
    "10.7": "as 10.6, in sums of products",
    "10.8": "a sum is narrowed once, at its end, after a clamp",
    "11.5": "places in the state and scratch blocks, which the memory plan aligns",
    "12.1": "arithmetic has the usual precedence; brackets around every product would hide what is summed",
    "12.3": "declarations of one type share a line",
    "13.3": "a pointer moves on in the expression that writes through it",
    "13.4": "two pointers or counters move on in one expression",
    "14.1": "float operators count with integers; what is reported are bounds that are computed",
    "14.4": "a flag of the network, an integer, is a condition",
    "15.5": "a refused call returns at once, before anything is read",
    "17.7": "memcpy and memset return what they were given",
    "17.8": "a kernel moves the pointers that it was given along the rows",
    "18.4": "operands lie at offsets into one block, and rows are walked by pointer",
    "19.2": "a float's bits are read through a union, as C99 defines it",
    "20.1": "kernels of several types are one text, which takes its parts in where they stand",
    "20.7": "macro parameters that are types or names of functions",
    "20.9": "#if of a name that a folder of kernels may define",
}
OTHERS: dict[str, str] = {
    "nullPointerArithmeticRedundantCheck": "addresses in the scratch block are computed, not read, before the check"
    " that the pointer is not NULL",
}
