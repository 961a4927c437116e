"""Writes broken ONNX models to a folder, for bad_models.sh."""
import os
import sys

import onnx_writer
from onnx_writer import (STRING, attribute_float, attribute_floats, attribute_graph, attribute_int,
                         attribute_ints, attribute_string, attribute_strings, contents, field, graph, node, tensor, value)


def save(name, *parts):
    onnx_writer.save(os.path.join(sys.argv[1], name + ".onnx"), *parts)


def save_exponential():
    """30 functions, each of which calls the one before eight times."""
    functions = b""
    for i in range(30):
        body = b""
        for k in range(8):
            op, domain = (f"F{i - 1}", "my") if i else ("Neg", "")
            body += field(7, node(op, [f"a{k - 1}" if k else "x"], [f"a{k}"], f"c{k}", domain))
        functions += field(25, field(1, f"F{i}") + field(4, "x") + field(5, "a7") + body
                           + field(10, "my") + field(9, field(1, "my") + field(2, 1)))
    imports = field(8, field(1, "my") + field(2, 1))
    save("exponential", graph([node("F29", ["x"], ["y"], "call", "my")]), 17, functions + imports)


def structure():
    relu = node("Relu", ["x"], ["y"], "relu")
    bomb = graph([])
    for _ in range(200):
        bomb = graph([node("If", ["c"], ["y"], "if", "", [attribute_graph("then_branch", bomb)])])
    save("bomb", bomb)
    call = node("F", ["x"], ["y"], "call", "my")
    function = (field(1, "F") + field(4, "x") + field(5, "y") + field(7, call) + field(10, "my")
                + field(9, field(1, "my") + field(2, 1)))
    save("recursion", graph([call]), 17, field(25, function) + field(8, field(1, "my") + field(2, 1)))
    save_exponential()
    save("cycle", graph([node("Add", ["x", "b"], ["a"], "one"), node("Neg", ["a"], ["b"], "two"),
                         node("Relu", ["b"], ["y"], "three")]))
    save("missing-tensor", graph([node("Add", ["x", "nowhere"], ["y"], "add")]))
    save("duplicate", graph([relu, node("Neg", ["x"], ["y"], "again")]))
    save("sequence", graph([relu], [field(1, "x") + field(2, field(4, field(1, field(1, field(1, 1)))))]))
    save("map", graph([relu], [field(1, "x") + field(2, field(5, field(1, 7)))]))
    save("complex", graph([relu], [value("x", [4], 14)]))
    save("symbol", graph([relu], [value("x", ["batch", 4])]))
    save("opset-old", graph([relu]), 0)
    save("opset-new", graph([relu]), 99)
    save("unknown", graph([node("Alpha", ["x"], ["a"], "first", "my.domain"),
                           node("NoSuchThing", ["a"], ["b"], "second"),
                           node("Beta", ["b"], ["y"], "third", "my.domain")]))


def nodes():
    save("arity", graph([node("Add", ["x"], ["y"], "add")]))
    save("attribute", graph([node("LeakyRelu", ["x"], ["y"], "leaky", "",
                                  [attribute_int("alpha", 1)])]))
    save("attribute-unknown", graph([node("LeakyRelu", ["x"], ["y"], "leaky", "",
                                          [attribute_int("beta", 1)])]))
    save("attribute-missing", graph([node("Concat", ["x", "x"], ["y"], "concat")]))


def narrow():
    eighth, four = [value("x", [4], 17)], [value("x", [4], 22)]
    save("narrow-add", graph([node("Add", ["x", "x"], ["y"], "add")], eighth), 23)
    save("narrow-mode", graph([node("Cast", ["x"], ["y"], "cast", "",
                                    [attribute_int("to", 24), attribute_string("round_mode", "odd")])]), 25)
    save("narrow-output", graph([node("QuantizeLinear", ["x", "s"], ["y"], "quantize", "",
                                      [attribute_int("output_dtype", 24)])],
                                constants=[contents("s", [], [1.0])]), 25)
    scale = contents("s", [2], [1.0, 2.0])
    save("narrow-blocks", graph([node("DequantizeLinear", ["x", "s"], ["y"], "blocks", "",
                                      [attribute_int("axis", 0), attribute_int("block_size", 3)])],
                                [value("x", [7], 22)], constants=[scale]), 23)
    save("narrow-float", graph([node("DequantizeLinear", ["x", "s"], ["y"], "dequantize")],
                               constants=[contents("s", [], [1.0])]), 23)
    short = field(1, 5) + field(2, 22) + field(8, "w") + field(9, b"ab")
    save("narrow-short", graph([node("Concat", ["x", "w"], ["y"], "concat", "", [attribute_int("axis", 0)])],
                               four, constants=[short]), 23)


def training():
    """Random operators, optimisers and Gradient."""
    domain, imports = "ai.onnx.preview.training", field(8, field(1, "ai.onnx.preview.training") + field(2, 1))
    text = lambda name, string: field(1, name) + field(4, string) + field(20, 3)
    xs = field(1, "xs") + field(9, "x") + field(20, 8)
    four = attribute_ints("shape", [4])
    save("random-input", graph([node("RandomNormal", ["x"], ["y"], "draw", "", [four])]))
    save("random-type", graph([node("RandomUniform", [], ["y"], "draw", "",
                                    [four, attribute_int("dtype", 6)])]))
    save("random-key", graph([node("RandomUniform", [], ["y"], "draw", "",
                                   [four, attribute_int("key", 6)])]))
    save("multinomial", graph([node("Multinomial", ["x"], ["y"], "draw")]))
    both = [value("x", [4]), value("t", [], 7)]
    save("adam", graph([node("Adam", ["x", "t"] + ["x"] * 6, ["y"], "adam", domain)], both), 17, imports)
    mode = [attribute_float(n, 1) for n in ("alpha", "beta", "norm_coefficient")] + [text("mode", "heavy")]
    save("momentum", graph([node("Momentum", ["x", "t", "x", "x", "x"], ["y"], "step", domain, mode)], both), 17,
         imports)

    def gradient(name, op, inputs=("x",), y="z"):
        save(name, graph([node(op, ["x"], ["z"], "made"),
                          node("Gradient", inputs, ["y"], "slope", domain, [xs, text("y", y)])]), 17, imports)

    gradient("gradient-rule", "Mish")
    loss = node("SoftmaxCrossEntropyLoss", ["x", "labels"], ["l", "z"], "loss")
    slope = node("Gradient", ["x"], ["y"], "slope", domain, [xs, text("y", "z")])
    inputs = [value("x", [4, 3]), value("labels", [4], 7)]
    save("gradient-output", graph([loss, slope], inputs, [value("y", [4, 3])]), 17, imports)
    gradient("gradient-y", "Exp", y="nowhere")
    gradient("gradient-inputs", "Exp", ("x", "z"))


def constants():
    add = [node("Add", ["x", "w"], ["y"], "add")]
    save("size", graph(add, constants=[tensor("w", [4], bytes(12))]))
    save("size-overflow", graph(add, constants=[tensor("w", [1 << 40, 1 << 40], bytes(16))]))
    save("size-negative", graph(add, constants=[tensor("w", [-4], bytes(16))]))
    entries = {
        "missing": {"location": "missing.bin"},
        "short": {"location": "short.bin"},
        "up": {"location": "../short.bin"},
        "absolute": {"location": "/etc/passwd"},
        "link": {"location": "link.bin"},
        "length": {"location": "good.bin", "length": "8"},
        "number": {"location": "good.bin", "offset": "ten"},
        "good": {"location": "good.bin", "offset": "0", "length": "16"},
    }
    for name, entry in entries.items():
        save("external-" + name, graph(add, constants=[tensor("w", [4], external=entry)]))


def quantised():
    """Operators on integers and on weights of few bits; all inputs but x are constants."""
    def one(name, op, inputs, attributes=(), x=([2, 32], 1), constants=()):
        body = [node(op, inputs, ["y"], "n", "com.microsoft", attributes)]
        save(name, graph(body, [value("x", *x)], [value("y", x[0])], constants))

    ints = lambda **all: [attribute_int(name, number) for name, number in all.items()]
    byte = onnx_writer.contents("w", [4, 2, 8], [0] * 64, 2)
    scales, few = tensor("s", [4, 2], bytes(32)), tensor("s", [3], bytes(12))
    nbits = ["x", "w", "s"]
    one("packed-bits", "MatMulNBits", nbits, ints(K=32, N=4, bits=3, block_size=16), constants=[byte, scales])
    one("packed-block", "MatMulNBits", nbits, ints(K=32, N=4, block_size=24), constants=[byte, scales])
    one("packed-bytes", "MatMulNBits", nbits, ints(K=32, N=5, block_size=16), constants=[byte, scales])
    one("packed-scales", "MatMulNBits", nbits, ints(K=32, N=4, block_size=16), constants=[byte, few])
    one("packed-depth", "MatMulNBits", nbits, ints(K=32, N=4, block_size=16), x=([2, 48], 1),
        constants=[byte, scales])
    add = ["x", "s", "", "x", "s", "", "s"]
    one("quantised-type", "QLinearAdd", add, constants=[few])
    one("quantised-scale", "QLinearAdd", add, x=([2, 3], 2), constants=[few])
    one("quantised-parts", "QLinearConcat", ["s", "x", "x", "s"], ints(axis=0), x=([2, 3], 2), constants=[few])
    table, row = onnx_writer.contents("t", [4, 16], [0] * 64, 2), onnx_writer.contents("i", [1], [0], 7)
    body = [node("GatherBlockQuantized", ["t", "i", "s"], ["y"], "n", "com.microsoft", ints(block_size=16))]
    save("packed-table", graph(body, [value("x", [4])], [value("y", [1, 32])],
                               [table, row, tensor("s", [4, 3], bytes(48))]))
    router, experts = tensor("r", [2, 3], bytes(24)), tensor("e", [3, 32, 32], bytes(3 << 12))
    moe = ["x", "r", "e", "", "e"]
    one("experts-k", "MoE", moe, ints(k=4), constants=[router, experts])
    one("experts-sizes", "MoE", moe, ints(k=1), x=([2, 16], 1), constants=[router, experts])
    kind = field(1, "quant_type") + field(4, "fp4") + field(20, 3)
    one("experts-type", "QMoE", ["x", "r", "e", "s", "", "e", "s"], [kind], constants=[router, experts, few])


def microsoft():
    """Operators of com.microsoft that are given what they do not take."""
    def case(name, op, inputs, *attributes, shape=(4,), domain="com.microsoft", dtype=onnx_writer.FLOAT):
        one = node(op, inputs, ["y"], op.lower(), domain, attributes)
        given = [value("x", list(shape), dtype), value("i", [2, 2], 6), value("s", [2, 2]), value("b", [], 9)]
        constants = [onnx_writer.contents("w", [2, 2, 2, 2], [0.0] * 16),
                     onnx_writer.contents("m", [2, 2, 2, 2], [0] * 16, 6)]
        save("ms-" + name, graph([one], given, constants=constants))

    def text(name, string):
        return field(1, name) + field(4, string) + field(20, 3)
    image = (1, 2, 4, 4)
    case("activation", "FusedConv", ["x", "w"], text("activation", "Wobble"), shape=image)
    case("blocks", "Conv", ["x", "w"], shape=image, domain="com.microsoft.nchwc")
    case("channels", "ReorderOutput", ["x"], attribute_int("channels", 3), shape=image,
         domain="com.microsoft.nchwc")
    case("unfold", "UnfoldTensor", ["x"], attribute_int("size", 5))
    case("expand-dims", "ExpandDims", ["x", "x"], shape=(1,), dtype=6)
    case("metric", "CDist", ["x", "x"], text("metric", "yule"), shape=(2, 2))
    case("embedding", "EmbedLayerNormalization", ["i", "", "x", "x", "", "x"], shape=(2, 2))
    case("skip", "SkipLayerNormalization", ["x", "w", "x"])
    case("groups", "GroupNorm", ["x", "x", "x"], attribute_int("groups", 2), attribute_int("activation", 7),
         shape=image)
    case("inverse", "Inverse", ["x"], shape=(2, 3))
    case("warping", "DynamicTimeWarping", ["x"])
    case("hash", "MurmurHash3", ["x"], dtype=9)
    case("ngram", "NGramRepeatBlock", ["x", "s"], attribute_int("ngram_size", 0), shape=(2, 2), dtype=7)
    case("mask", "MaxpoolWithMask", ["x", "m"], onnx_writer.attribute_ints("kernel_shape", [2, 2]), shape=image)
    case("training", "BiasDropout", ["x", "x", "", "", "b"])
    case("crop", "Crop", ["x"], onnx_writer.attribute_ints("border", [3, 0, 3, 0]), shape=image, domain="")


def classical():
    """Of ai.onnx.ml: what attributes say must fit together."""
    imports = field(8, field(1, "ai.onnx.ml") + field(2, 3))

    def one(name, op, *attributes):
        save(name, graph([node(op, ["x"], ["y"], "node", "ai.onnx.ml", attributes)], [value("x", [2, 4])]),
             17, imports)

    def tree(name, **changed):
        lists = {"nodes_treeids": [0, 0, 0], "nodes_nodeids": [0, 1, 2], "nodes_featureids": [3, 0, 0],
                 "nodes_truenodeids": [1, 0, 0], "nodes_falsenodeids": [2, 0, 0], "target_treeids": [0, 0],
                 "target_nodeids": [1, 2], "target_ids": [0, 0]}
        words = ["BRANCH_LEQ", "LEAF", "LEAF"]
        words = changed.pop("modes", words)
        lists.update(changed)
        one(name, "TreeEnsembleRegressor", *(attribute_ints(*entry) for entry in lists.items()),
            attribute_floats("nodes_values", [0.5, 0, 0]), attribute_floats("target_weights", [1, 2]),
            attribute_strings("nodes_modes", words))

    tree("tree-feature", nodes_featureids=[4, 0, 0])
    tree("tree-child", nodes_truenodeids=[7, 0, 0])
    tree("tree-circle", nodes_truenodeids=[1, 0, 0], nodes_falsenodeids=[2, 2, 0],
         modes=["BRANCH_LEQ", "BRANCH_LEQ", "LEAF"])
    tree("tree-twice", nodes_nodeids=[0, 1, 1])
    tree("tree-count", nodes_featureids=[0])
    tree("tree-target", target_ids=[0, 1])
    tree("tree-mode", modes=["BRANCH", "LEAF", "LEAF"])
    one("encoder-types", "LabelEncoder", attribute_strings("keys_strings", ["a"]),
        attribute_floats("values_floats", [1]))
    one("svm-count", "SVMRegressor", attribute_floats("coefficients", [1] * 3), attribute_floats("rho", [0]),
        attribute_floats("support_vectors", [1] * 8), attribute_int("n_supports", 1 << 62))
    one("scaler-count", "Scaler", attribute_floats("scale", [1, 2, 3]))


def strings():
    def one(name, op, *attributes, shape=(4,), domain="", outputs=("y",)):
        save(name, graph([node(op, ["x"], list(outputs), "node", domain, attributes)],
                         [value("x", list(shape), STRING)], [value("y", list(shape), STRING)]), 20,
             field(8, field(1, "com.microsoft") + field(2, 1)))

    one("string", "Relu")
    long = contents("c", [1], ["x" * 300], STRING)
    save("string-constant", graph([node("StringConcat", ["x", "c"], ["y"], "concat")],
                                  [value("x", [4], STRING)], [value("y", [4], STRING)], [long]), 20)
    for name, pattern in (("bracket", "[ab"), ("group", "(a"), ("class", r"\pL"), ("back", r"(a)\1"),
                          ("repeat", "a**"), ("ahead", "a(?=b)"), ("large", "((a|b)*a(a|b){14})")):
        one("regex-" + name, "RegexFullMatch", attribute_string("pattern", pattern))
    one("normalizer-case", "StringNormalizer", attribute_string("case_change_action", "TITLE"))
    one("normalizer-shape", "StringNormalizer", shape=(2, 3))
    token = (attribute_int("mark", 0), attribute_string("pad_value", ""))
    one("tokenizer-none", "Tokenizer", attribute_int("mincharnum", 1), *token, domain="com.microsoft")
    one("tokenizer-least", "Tokenizer", attribute_int("mincharnum", 0), attribute_strings("separators", [" "]),
        *token, domain="com.microsoft")
    grams = (attribute_int("min_gram_length", 1), attribute_int("max_skip_count", 0),
             attribute_ints("ngram_counts", [0]))
    one("tfidf-mode", "TfIdfVectorizer", attribute_string("mode", "T"), attribute_int("max_gram_length", 1),
        attribute_ints("ngram_indexes", [0]), attribute_strings("pool_strings", ["a"]), *grams)
    one("tfidf-lists", "TfIdfVectorizer", attribute_string("mode", "TF"),
        attribute_int("max_gram_length", 2), attribute_ints("ngram_indexes", [0]),
        attribute_strings("pool_strings", ["a"]), *grams)
    one("tfidf-pool", "TfIdfVectorizer", attribute_string("mode", "TF"), attribute_int("max_gram_length", 1),
        attribute_ints("ngram_indexes", [0]), attribute_ints("pool_int64s", [1]), *grams)
def attention():
    """Nodes whose inputs do not fit each other."""
    microsoft = field(8, field(1, "com.microsoft") + field(2, 1))
    rows, width = value("x", [1, 4, 12]), value("n", [1], 6)

    def grouped(name, inputs, *attributes):
        heads = [attribute_int("num_heads", 2), *attributes]
        save(name, graph([node("GroupQueryAttention", inputs, ["y", "k", "v"], "group", "com.microsoft", heads)],
                         [rows, width, value("p", [1, 1, 3, 6])],
                         [value("y", [1, 4, 12]), value("k", [1, 1, 7, 6])]), 23, microsoft)
    whole = ["x", "", "", "", "", "n", "n"]
    grouped("gqa-heads", whole, attribute_int("kv_num_heads", 3))
    grouped("gqa-lengths", ["x"], attribute_int("kv_num_heads", 1))
    grouped("gqa-total", ["x", "", "", "p", "p", "n", "n"], attribute_int("kv_num_heads", 2))
    grouped("gqa-rotary", whole, attribute_int("kv_num_heads", 2), attribute_int("do_rotary", 1))
    past = ["x", "", "", "p", "p", "n", "n"], attribute_int("kv_num_heads", 1), attribute_int("sliding_window_cache", 1)
    grouped("gqa-window", *past)
    grouped("gqa-room", *past, attribute_int("local_window_size", 5))
    linear = [attribute_int("q_num_heads", 2), attribute_int("kv_num_heads", 2)]
    save("linear-decay", graph([node("LinearAttention", ["x", "x", "x"], ["y", "s"], "linear", "", linear)],
                               [rows]), 27)
    save("attention-mask", graph([node("Attention", ["q", "q", "q", "m"], ["y"], "attend")],
                                 [value("q", [1, 2, 4, 8]), value("m", [3, 4])]), 23)
    two = graph([node("Neg", ["a"], ["y"], "neg")], [value("a", [4]), value("b", [4])])
    save("flex-inputs", graph([node("FlexAttention", ["q", "q", "q"], ["y"], "flex", "ai.onnx.preview",
                                    [attribute_graph("score_mod", two)])], [value("q", [1, 2, 4, 8])]), 26,
         field(8, field(1, "ai.onnx.preview") + field(2, 1)))


structure()
nodes()
narrow()
training()
constants()
quantised()
microsoft()
classical()
strings()
attention()
