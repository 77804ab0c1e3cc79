import Checkpoints
import Golden
import Tensors
import Testing

@Suite struct PyTorchArchiveTests {
    @Test(arguments: [("types.pth", "pth.", 18, false), ("modules.pt", "script.", 6, true)])
    func tensorsAreWidened(_ name: String, _ prefix: String, _ count: Int, _ isTorchScript: Bool) throws {
        let file = try PyTorchArchive(path: Fixture.path(name))
        #expect(file.isTorchScript == isTorchScript)
        let stored = try Safetensors(path: Fixture.path("expected-pytorch.safetensors"))
        let names = stored.names.filter { $0.hasPrefix(prefix) }
        #expect(names.count == count)
        for name in names {
            let (view, expected) = (try file.require(String(name.dropFirst(prefix.count))), try stored.require(name))
            #expect(view.shape == expected.shape, "\(name)")
            #expect(try view.tensor().array == expected.tensor().array, "\(name)")
            #expect(view.bytes.owner is MappedFile, "\(name)")
        }
    }

    @Test func elementTypesAreKept() throws {
        let file = try PyTorchArchive(path: Fixture.path("types.pth"))
        let types: [String: ElementType] = [
            "float64": .f64, "float32": .f32, "float16": .f16, "bfloat16": .bf16, "int64": .i64, "int32": .i32,
            "int8": .i8, "uint8": .u8, "bool": .bool, "scalar": .f32, "parameter": .f32,
        ]
        for (name, type) in types { #expect(try file.require(name).type == type, "\(name)") }
        #expect(file.names.count == 20)
        #expect(!file.names.contains { $0.contains("exp_avg") })
        let (window, shared) = (try file.require("window"), try file.require("shared"))
        #expect(window.bytes.base == shared.bytes.base + 20)
    }

    @Test func whatIsNotReadIsNamed() throws {
        let file = try PyTorchArchive(path: Fixture.path("types.pth"))
        #expect(file.view("turned") == nil)
        #expect(
            fault { _ = try file.require("turned") }.hasSuffix(
                "turned: not supported: expected elements in the order of the shape [3, 2], found strides [1, 3]"))
        #expect(fault { _ = try file.require("int16") }.hasSuffix("found type ShortStorage"))
        #expect(fault { _ = try file.require("exp_avg") }.contains("expected in the file, found 20 others"))
    }

    @Test func plainValuesBecomeMetadata() throws {
        let metadata = try PyTorchArchive(path: Fixture.path("types.pth")).metadata
        #expect(metadata["config.w_bias"]?.bool == true)
        #expect(metadata["config.lora_rank"]?.int == 8)
        #expect(metadata["config.rate"]?.double == 0.25)
        #expect(metadata["config.name"]?.string == "你好")
        #expect(metadata["config.large"]?.int == -(1 << 40))
        #expect(metadata["config.size.1"]?.int == 3)
        #expect(metadata["config.list.1.1"]?.string == "x")
        #expect(metadata["config.7"]?.string == "seven")
        #expect(metadata["config.none"] == nil)
        #expect(metadata["optimizer.lr"]?.double == 0.5)
        let modules = try PyTorchArchive(path: Fixture.path("modules.pt")).metadata
        #expect(modules["name"]?.string == "outer")
        #expect(modules["blocks.0.sizes.2"]?.int == 3)
        #expect(!modules.keys.contains { $0.hasSuffix("training") })
    }

    @Test func filesOfTheFixturesAreRead() throws {
        let folder = TemporaryFolder()
        let plain = Archive(
            pickle: Opcodes.pickle(Opcodes.dictionary(Opcodes.text("w"), Opcodes.tensor())),
            storages: [[UInt8](repeating: 0, count: 24)])
        for (wide, comment) in [(false, ""), (true, ""), (false, "a comment"), (true, "PK")] {
            let file = try CheckpointReader.open(folder.write("a.pth", plain.bytes(wide: wide, comment: comment)))
            #expect(try file.require("w", shape: [2, 3]).type == .f32)
        }
        // Not a state dict, but tensors all the same.
        let list = Archive(
            pickle: Opcodes.pickle([0x5D, 0x28], Opcodes.tensor(), Opcodes.tensor(), [0x65]),
            storages: [[UInt8](repeating: 0, count: 24)])
        #expect(try PyTorchArchive(path: folder.write("a.pth", list.bytes())).names == ["0", "1"])
    }

    @Test(.enabled(if: Golden.fixture("clip-openai/ViT-tiny.pt") != nil, "the reference files are not beside the repository"))
    func bothShapesOfCLIPHoldTheSame() throws {
        let plain = try PyTorchArchive(path: try #require(Golden.fixture("clip-openai/ViT-tiny.pt")))
        let script = try PyTorchArchive(path: try #require(Golden.fixture("clip-openai/ViT-tiny-jit.pt")))
        #expect(!plain.isTorchScript && script.isTorchScript)
        #expect(
            Set(script.names).subtracting(plain.names) == ["input_resolution", "context_length", "vocab_size"])
        #expect(try script.require("input_resolution").tensor().array == [56])
        for name in plain.names {
            let (a, b) = (try plain.require(name), try script.require(name))
            #expect(a.shape == b.shape)
            #expect(try a.tensor().array == b.tensor().array, "\(name)")
        }
    }
}
