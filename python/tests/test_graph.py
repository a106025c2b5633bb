"""Models as graphs: SpikeGraph and NIR files."""
import unittest

from support import DIGITS, SOURCE, FileTest, h5py, np, small_model, write_model

import spike_transformer_compiler as stc

NIR = SOURCE / "conformance/nir/models"


class SpikeGraph(FileTest):
    def test_nodes_edges_and_attributes(self):
        graph = stc.load_graph(small_model(self.folder / "small.h5"))
        self.assertEqual((graph.name, graph.kind, graph.time_steps, graph.dt),
                         ("small", "SpikeGraph", 3, 0))
        self.assertEqual(graph.edges, [("image", "double"), ("double", "lif"), ("lif", "output")])
        self.assertEqual(graph.nodes["lif"].attributes, {"tau": 2.0, "v_threshold": 1.0})
        self.assertEqual(graph.nodes["image"].attributes, {"shape": (2, 3)})
        self.assertEqual(graph.nodes["lif"].inputs, ("double",))
        self.assertEqual(graph.consumers("double"), ["lif"])
        self.assertEqual([node.name for node in graph.of_type("DiscreteLIF")], ["lif"])

    def test_operands_are_as_listed_else_as_the_edges(self):
        nodes = {"a": {"type": "Input"}, "b": {"type": "Input"}, "sum": {"type": "Add"},
                 "product": {"type": "MatMul", "inputs": ["b", "a"]}}
        edges = [("a", "product"), ("b", "product"), ("b", "sum"), ("a", "sum"), ("b", "sum")]
        graph = stc.load_graph(write_model(self.folder / "m.h5", nodes, edges))
        self.assertEqual(graph.nodes["product"].inputs, ("b", "a"))
        self.assertEqual(graph.nodes["sum"].inputs, ("b", "a"))
        self.assertEqual(len(graph.edges), 4)

    def test_weights_are_read_when_asked_for(self):
        nodes = {"a": {"type": "Affine", "weight": np.ones((1, 3)), "bias": np.zeros(1)}}
        path = write_model(self.folder / "m.h5", nodes, np.empty((0, 2), object))
        graph = stc.load_graph(path)
        node = graph.nodes["a"]
        self.assertEqual(node.weight_shapes, {"weight": (1, 3), "bias": (1,)})
        self.assertEqual((node.attributes, node.parameters, graph.parameters), ({}, 4, 4))
        self.assert_equal_arrays(node.weights["weight"], np.ones((1, 3)))
        path.unlink()
        self.assert_equal_arrays(node.weights["weight"], np.ones((1, 3)))
        with self.assertRaises(OSError):
            node.weights["bias"]

    def test_the_trained_digits(self):
        graph = stc.load_graph(DIGITS / "model.h5")
        self.assertEqual((len(graph.nodes), len(graph.of_type("DiscreteLIF")), graph.time_steps,
                          graph.parameters), (85, 18, 4, 165466))
        self.assertEqual(graph.nodes["conv2d_2"].weights["weight"].shape, (16, 1, 3, 3))

    def test_what_is_wrong_is_said(self):
        path = write_model(self.folder / "m.h5", {"a": {"type": "Input"}}, [("a", "b")])
        with self.assertRaisesRegex(ValueError, "m.h5: an edge names the node 'b'"):
            stc.load_graph(path)
        with self.assertRaisesRegex(ValueError, "no group /graph.*but inputs, labels"):
            stc.load_graph(DIGITS / "test.h5")


class Nir(FileTest):
    def test_every_model_of_the_pack_is_read(self):
        paths = sorted(NIR.glob("*.nir"))
        self.assertGreater(len(paths), 40)
        for path in paths:
            graph = stc.load_graph(path)
            self.assertEqual(graph.kind, "NIR")
            for node in graph.nodes.values():
                for name, shape in node.weight_shapes.items():
                    self.assertEqual(node.weights[name].shape, shape)

    def test_graphs_in_graphs_are_flattened(self):
        graph = stc.load_graph(NIR / "nested.nir")
        self.assertEqual(graph.nodes["block.core.lif"].type, "LIF")
        self.assertIn(("block.w", "block.core.in"), graph.edges)
        self.assertIn(("block.out", "output"), graph.edges)
        self.assertEqual(graph.nodes["block.in"].inputs, ("input",))

    def test_an_edge_to_a_graph_with_two_inputs_is_refused(self):
        with h5py.File(self.folder / "m.nir", "w") as file:
            nodes = file.create_group("node/nodes")
            nodes["x/type"] = "Input"
            nodes["g/type"] = "NIRGraph"
            nodes["g/nodes/a/type"] = nodes["g/nodes/b/type"] = "Input"
            file["node/edges"] = [("x", "g")]
            file["node/type"] = "NIRGraph"
        with self.assertRaisesRegex(ValueError, "the graph g, which has 2 nodes of type Input"):
            stc.load_graph(self.folder / "m.nir")

    def test_one_primitive_is_a_graph_of_one_node(self):
        with h5py.File(self.folder / "lif.nir", "w") as file:
            file["node/type"] = "LIF"
            file["node/tau"] = np.array([0.1, 0.2])
        graph = stc.load_graph(self.folder / "lif.nir")
        self.assertEqual((list(graph.nodes), graph.edges, graph.name), (["node"], [], "lif"))
        self.assert_equal_arrays(graph.nodes["node"].weights["tau"], [0.1, 0.2])


if __name__ == "__main__":
    unittest.main()
