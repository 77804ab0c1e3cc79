import Checkpoints
import Golden
import Testing

@Suite struct CheckpointReaderTests {
    @Test func formatsAreToldByTheirContents() throws {
        let folder = TemporaryFolder()
        for (name, format) in [
            ("types.gguf", CheckpointReader.Format.gguf), ("types.safetensors", .safetensors), ("types.onnx", .onnx),
        ] {
            let path = folder.write("weights.bin", try Fixture.bytes(name))
            #expect(try CheckpointReader.format(of: path) == format)
            #expect(try CheckpointReader.open(path).names.count > 10)
        }
    }

    @Test func otherFormatsAreNamed() throws {
        let folder = TemporaryFolder()
        func fault(_ bytes: [UInt8]) -> String {
            CheckpointsTests.fault { _ = try CheckpointReader.open(folder.write("weights.pth", bytes)) }
        }
        let zip: [UInt8] = [0x50, 0x4B, 3, 4, 0, 0]
        #expect(fault(zip).hasSuffix("zip directory: the file is cut short: expected the end of a zip archive, found none"))
        #expect(fault([0x80, 2, 0x8A]).hasSuffix("found a PyTorch file of the old, unzipped kind"))
        #expect(fault([]).hasSuffix("format: expected a checkpoint, found an empty file"))
        #expect(fault(Array("<html>".utf8)).hasSuffix("found a file that begins with 3c 68 74 6d 6c 3e"))
        #expect(CheckpointsTests.fault { _ = try CheckpointReader.open(folder.path) }.hasSuffix("it is a folder, not a file"))
        #expect(
            CheckpointsTests.fault { _ = try CheckpointReader.open(folder.path + "/no") }.hasSuffix("No such file or directory"))
        #expect(CheckpointsTests.fault { _ = try CheckpointReader.open("/dev/null") }.hasSuffix("it is not a regular file"))
    }

    @Test(.enabled(if: Golden.fixture("clip-openai/ViT-tiny-jit.pt") != nil, "the reference files are not beside the repository"))
    func realArchivesAreNamed() throws {
        let script = try #require(Golden.fixture("clip-openai/ViT-tiny-jit.pt"))
        let zip = try #require(Golden.fixture("clip-openai/ViT-tiny.pt"))
        #expect(try CheckpointReader.format(of: script) == .torchScript)
        #expect(try CheckpointReader.format(of: zip) == .pytorchZip)
    }

    @Test func fingerprintIsSHA256() throws {
        let folder = TemporaryFolder()
        #expect(
            try Fingerprint.sha256(of: folder.write("abc", Array("abc".utf8)))
                == "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        #expect(
            try Fingerprint.sha256(of: folder.write("empty", []))
                == "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
    }
}
