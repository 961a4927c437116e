"""Writes broken ONNX models to a folder, for bad_models.sh."""
import os
import sys

import onnx_writer
from onnx_writer import (STRING, attribute_floats, attribute_graph, attribute_int, attribute_ints,
                         attribute_string, attribute_strings, contents, field, graph, node, tensor, value)


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
    save("complex", graph([relu], [value("x", [4], 14)]))
    save("sequence", graph([relu], [field(1, "x") + field(2, field(4, field(1, field(1, 1))))]))
    save("symbol", graph([relu], [value("x", ["batch", 4])]))
    save("opset-old", graph([relu]), 3)
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


structure()
nodes()
constants()
classical()
strings()
