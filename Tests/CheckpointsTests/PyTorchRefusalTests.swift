import Checkpoints
import Golden
import Testing

/// PyTorch files that lie, or want more than tensors.
@Suite struct PyTorchRefusalTests {
    private let folder = TemporaryFolder()

    private func fault(_ bytes: [UInt8]) -> String {
        CheckpointsTests.fault { _ = try PyTorchArchive(path: folder.write("a.pth", bytes)) }
            .replacing("\(folder.path)/a.pth: ", with: "")
    }

    private func fault(pickle: [UInt8], torchScript: Bool = false) -> String {
        let storage = [UInt8](repeating: 0, count: 24)
        return fault(Archive(pickle: pickle, storages: [storage], torchScript: torchScript).bytes())
    }

    private func fault(value: [UInt8]) -> String {
        fault(pickle: Opcodes.pickle(Opcodes.dictionary(Opcodes.text("w"), value)))
    }

    @Test func foreignCodeIsRefusedByName() {
        let command = Opcodes.text("echo owned")
        for (module, name) in [
            ("os", "system"), ("posix", "system"), ("builtins", "eval"), ("subprocess", "Popen"), ("torch", "load"),
            ("torch.jit._pickle", "build_intlist"), ("torch._utils", "_rebuild_qtensor"), ("__torch__", "Module"),
        ] {
            let byGlobal = fault(value: Opcodes.call(Opcodes.global(module, name), command))
            #expect(
                byGlobal.contains(
                    "not supported: expected nothing but tensors, modules and plain values, found \(module).\(name)"))
            let byStack = fault(value: Opcodes.text(module) + Opcodes.text(name) + [0x93, 0x29, 0x52])
            #expect(byStack.hasSuffix("found \(module).\(name)"))
        }
        #expect(fault(pickle: Opcodes.pickle(Opcodes.global("os", "system")), torchScript: true).hasSuffix("found os.system"))
        // INST calls what it names; EXT1 stands for a name that is registered elsewhere.
        #expect(fault(value: [0x28] + command + Array("ios\nsystem\n".utf8)).hasSuffix("found opcode 0x69"))
        #expect(fault(value: [0x82, 1]).hasSuffix("found opcode 0x82"))
    }

    @Test func knownNamesAreCalledAsTheyAreMeant() {
        let storage = Opcodes.global("torch", "FloatStorage")
        #expect(fault(value: Opcodes.call(storage, Opcodes.int(1 << 60))).hasSuffix("expected a function to call, found a class"))
        #expect(fault(value: Opcodes.call(Opcodes.text("w"))).hasSuffix("expected a function to call, found a text"))
        #expect(
            fault(value: Opcodes.call(Opcodes.global("torch._utils", "_rebuild_parameter"), Opcodes.int(1)))
                .hasSuffix("expected a parameter's tensor, found an integer"))
        #expect(fault(value: storage + [0x29, 0x81]).contains("expected a module made without arguments"))
        #expect(fault(value: [0x29, 0x51]).contains("expected a storage: its class, key, device and count"))
        let tensor = Opcodes.call(Opcodes.global("torch._utils", "_rebuild_tensor_v2"), Opcodes.int(1))
        #expect(fault(value: tensor).contains("expected a tensor: its storage, offset, sizes and strides"))
    }

    @Test func cyclesAreRefused() {
        // A list with itself, a dictionary under its own key, a module that is its own state.
        let list: [UInt8] = [0x5D, 0x71, 0, 0x68, 0, 0x61]
        #expect(fault(value: list).hasSuffix("expected values without cycles, found a list inside itself"))
        let dictionary: [UInt8] = [0x7D, 0x71, 0] + Opcodes.text("me") + [0x68, 0, 0x73]
        #expect(fault(value: dictionary).hasSuffix("found a dictionary inside itself"))
        let module = Opcodes.global("__torch__", "M") + [0x29, 0x81, 0x71, 0, 0x68, 0, 0x62]
        #expect(fault(pickle: Opcodes.pickle(module), torchScript: true).hasSuffix("found a module inside itself"))
        let far: [UInt8] = [0x5D, 0x71, 0, 0x68, 0, 0x85, 0x85, 0x85, 0x61]
        #expect(fault(value: far).contains("expected values without cycles"))
    }

    @Test func nestingAndSharingHaveLimits() {
        let deep = [0x29] + [UInt8](repeating: 0x85, count: 100_000)
        #expect(fault(value: deep).hasSuffix("expected at most 100 levels of nesting, found more"))
        // Each tuple holds the one before twice: 2^60 places of one value.
        var doubled: [UInt8] = Opcodes.tensor() + [0x71, 0]
        for _ in 0..<60 { doubled += [0x68, 0, 0x86, 0x71, 0] }
        #expect(fault(value: doubled).contains("expected at most 16 MiB of names"))
        let wide = Opcodes.tensor(sizes: [Int](repeating: 1, count: 65), strides: [Int](repeating: 1, count: 65))
        #expect(fault(value: wide).contains("expected a tensor: its storage, offset, sizes and strides"))
    }

    @Test func sizesThatAreNotInTheFileAreFound() {
        #expect(fault(value: Opcodes.tensor()) == "no error")
        #expect(
            fault(value: Opcodes.tensor(offset: 1))
                == "w: expected 6 elements from element 1 of its storage on, found 6 elements in data/0")
        #expect(fault(value: Opcodes.tensor(offset: -1)).contains("expected 6 elements from element -1"))
        #expect(fault(value: Opcodes.tensor(offset: Int.max)).contains("expected 6 elements from element \(Int.max)"))
        #expect(
            fault(value: Opcodes.tensor(count: 7))
                == "w: the file is cut short: expected 7 elements of 4 bytes, found 24 bytes in data/0")
        #expect(fault(value: Opcodes.tensor(count: Int.max)).contains("found 24 bytes in data/0"))
        #expect(fault(value: Opcodes.tensor(count: -1)).contains("expected -1 elements"))
        #expect(fault(value: Opcodes.tensor(storage: "DoubleStorage")).contains("expected 6 elements of 8 bytes"))
        #expect(fault(value: Opcodes.tensor(sizes: [4, 3])).contains("expected 12 elements"))
        #expect(fault(value: Opcodes.tensor(sizes: [-2, 3])).contains("expected a shape that fits in memory"))
        #expect(fault(value: Opcodes.tensor(sizes: [1 << 40, 1 << 40])).contains("expected a shape that fits in memory"))
        let elsewhere = Opcodes.call(
            Opcodes.global("torch._utils", "_rebuild_tensor_v2"),
            Opcodes.tuple(
                Opcodes.text("storage"), Opcodes.global("torch", "FloatStorage"), Opcodes.text("../1"), Opcodes.text("cpu"),
                Opcodes.int(1)) + [0x51], Opcodes.int(0), [0x29], [0x29])
        #expect(fault(value: elsewhere) == "a/data/../1: expected in the file, found 2 other entries")
    }

    @Test func wrongTypesAreNamedWhenAskedFor() throws {
        let pickle = Opcodes.pickle(
            Opcodes.dictionary(
                Opcodes.text("half"), Opcodes.tensor(storage: "HalfStorage"), Opcodes.text("complex"),
                Opcodes.tensor(storage: "ComplexFloatStorage", count: 3, sizes: [3], strides: [1])))
        let path = folder.write("a.pth", Archive(pickle: pickle, storages: [[UInt8](repeating: 0, count: 24)]).bytes())
        let file = try PyTorchArchive(path: path)
        #expect(try file.require("half").type == .f16)
        #expect(CheckpointsTests.fault { _ = try file.require("complex") }.hasSuffix("found type ComplexFloatStorage"))
        #expect(fault(value: Opcodes.tensor(storage: "QInt8Storage")).hasSuffix("found torch.QInt8Storage"))
    }

    @Test func damagedPicklesAreFound() {
        #expect(fault(pickle: []).contains("data.pkl: the file is cut short"))
        #expect(fault(pickle: [0x80, 9, 0x2E]).contains("expected protocol 2 to 5, found 9"))
        #expect(fault(pickle: [0x2E]).contains("expected 1 values on the stack, found fewer"))
        #expect(fault(pickle: [0x74, 0x2E]).contains("expected a mark on the stack, found none"))
        #expect(fault(pickle: [0x68, 3, 0x2E]).contains("expected memo 3 to be set, found it unset"))
        #expect(fault(value: [0x29, 0x4E, 0x61]).contains("expected a list, found a tuple"))
        #expect(fault(value: [0x7D, 0x28, 0x4E, 0x75]).contains("expected a value for each key, found 1 values"))
        #expect(fault(value: [0x8A, 9] + [UInt8](repeating: 1, count: 9)).contains("at most 8 bytes"))
        #expect(fault(value: [0x8D] + [UInt8](repeating: 0xFF, count: 8)).contains("the file is cut short"))
        #expect(fault(value: [0x8C, 1, 0xFF]).contains("expected text in UTF-8"))
        #expect(fault(value: Array("c".utf8) + [UInt8](repeating: 0x61, count: 2000)).contains("ends within 1024 bytes"))
        #expect(
            fault(pickle: Opcodes.pickle(Opcodes.dictionary([0x29], Opcodes.tensor()))).contains(
                "expected keys that are texts, found a tuple"))
        let twice = Opcodes.pickle(
            Opcodes.dictionary(Opcodes.text("w"), Opcodes.tensor(), Opcodes.text("w"), Opcodes.tensor()))
        #expect(fault(pickle: twice) == "w: expected each name once, found it twice")
    }

    @Test func damagedArchivesAreFound() throws {
        let pickle = Opcodes.pickle(Opcodes.dictionary(Opcodes.text("w"), Opcodes.tensor()))
        let storage = [UInt8](repeating: 0, count: 24)
        var archive = Archive(pickle: pickle, storages: [storage])
        let good = archive.bytes()
        let directory = archive.data.count
        #expect(fault(good) == "no error")
        for count in 0..<good.count { #expect(fault(Array(good[..<count])) != "no error", "\(count) bytes") }
        let end = good.count - 22
        #expect(fault(good.with(UInt32.max, at: end + 16)).contains("zip directory: the file is cut short"))
        #expect(fault(good.with(UInt32.max, at: end + 12)).contains("zip directory: the file is cut short"))
        #expect(fault(good.with(UInt16(9), at: end + 10)).contains("zip directory, entry 2"))
        #expect(fault(good.with(UInt16(1), at: end + 4)).hasSuffix("found a part of several"))
        #expect(fault(good.with(UInt32(0), at: directory)).contains("expected an entry of the directory"))
        #expect(fault(good.with(UInt32(1), at: directory + 42)).contains("expected an entry's header at byte 1"))
        #expect(fault(good.with(UInt32(1 << 30), at: directory + 42)).contains("expected an entry before byte \(directory)"))
        #expect(fault(good.replacing("a/data.pkl", with: "b/data.pkl")).contains("expected its name in its own header"))
        #expect(
            fault(good.with(UInt32(1 << 20), at: directory + 20).with(UInt32(1 << 20), at: directory + 24))
                .contains("before the zip directory"))
        archive.method = 8
        #expect(fault(archive.bytes()).hasSuffix("expected a stored entry, found one compressed by method 8"))
        archive.flags = 1
        #expect(fault(archive.bytes()).hasSuffix("found an encrypted one"))
        var two = Archive(pickle: pickle)
        two.add("a/data.pkl", pickle)
        #expect(fault(two.bytes()).hasSuffix("a/data.pkl: expected each entry once, found it twice"))
        var other = Archive(pickle: pickle)
        other.add("b/data.pkl", pickle)
        #expect(
            fault(other.bytes()).hasSuffix(
                "expected one such entry in a folder (is this a PyTorch file?), found 2 among 2 entries"))
        var big = Archive(pickle: pickle, storages: [storage])
        big.add("a/byteorder", Array("big".utf8))
        #expect(fault(big.bytes()).hasSuffix("byteorder: not supported: expected little, found big"))
        let wide = archive.bytes(wide: true)
        #expect(fault(wide.with(UInt64.max, at: wide.count - 22 - 12)).contains("expected the place of a zip64 record"))
    }
}
