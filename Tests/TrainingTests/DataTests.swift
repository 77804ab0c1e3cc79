import Foundation
import Models
import Tensors
import Testing

@testable import Training

/// Folders of pictures, instructions and stored features, good and bad.
@Suite struct DataTests {
    private let folder = FileManager.default.temporaryDirectory.appendingPathComponent("data-\(UUID().uuidString)").path

    init() throws { try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true) }

    private func write(_ name: String, _ text: String) throws {
        try text.write(toFile: folder + "/" + name, atomically: true, encoding: .utf8)
    }

    @Test func captionsFromAList() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try write("a.jpg", "x")
        try write("b.jpg", "x")
        try write(
            "captions.jsonl",
            #"{"item": "a.jpg", "captions": ["A dog runs .", " Two  dogs , running "]}"# + "\n\n"
                + #"{"item": "b.jpg", "caption": "A cat"}"# + "\n")
        let data = try PictureData(folder: folder)
        #expect(data.entries.map(\.captions) == [["A dog runs.", "Two dogs, running"], ["A cat"]])
        #expect(data.entries.map { ($0.path as NSString).lastPathComponent } == ["a.jpg", "b.jpg"])
    }

    @Test func captionsFromSidecars() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try write("a.JPG", "x")
        try write("a.txt", "A dog.\nA puppy.\n")
        try write("b.png", "x")
        try write("notes.txt", "no picture")
        #expect(try PictureData(folder: folder).entries.map(\.captions) == [["A dog.", "A puppy."]])
    }

    @Test func everyFaultOfAListIsNamed() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try write("a.jpg", "x")
        try write(
            "captions.jsonl",
            """
            {"item": "a.jpg", "captions": ["A dog.", " "]}
            {"item": "gone.jpg", "captions": ["A dog."]}
            {"captions": ["A dog."]}
            nonsense
            """)
        let faults = #expect(throws: DataFaults.self) { try PictureData(folder: folder) }
        let text = faults?.description ?? ""
        for part in [
            "captions.jsonl:1: a.jpg: expected captions with text, found 1 of 2", "captions.jsonl:2: ",
            "gone.jpg: No such file",
            "captions.jsonl:3: item: expected a file's name, found none", "captions.jsonl:4",
        ] {
            #expect(text.contains(part), "\(part) in \(text)")
        }
    }

    @Test func instructionsInBothForms() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try write("list.json", #"[{"instruction": "Add.", "input": "1 2", "output": "3"}]"#)
        try write(
            "lines.jsonl",
            """
            {"instruction": "Say hi.", "input": "", "answer": "Hi", "finish": "length", "picture": "a/b.jpg"}
            {"instruction": "Held back.", "answer": "Yes", "split": "val"}
            """)
        let list = try InstructionData(path: folder + "/list.json").entries
        #expect(list.map(\.message) == ["Add.\n\n1 2"] && list.map(\.answer) == ["3"] && list.allSatisfy(\.isWhole))
        let lines = try InstructionData(path: folder + "/lines.jsonl").entries
        #expect(lines.map(\.message) == ["Say hi."] && lines.map(\.isWhole) == [false])
        #expect(lines.map(\.picture) == [folder + "/a/b.jpg"] && list.map(\.picture) == [nil])
        try write("bad.jsonl", #"{"instruction": "Say hi."}"# + "\n" + #"{"output": "x"}"#)
        let faults = #expect(throws: DataFaults.self) { try InstructionData(path: folder + "/bad.jsonl") }
        #expect(faults?.description.contains("bad.jsonl:1: output: expected text, found none") == true)
        #expect(faults?.description.contains("bad.jsonl:2: instruction: expected text, found none") == true)
    }

    @Test func featuresAreKept() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let path = folder + "/features"
        let key = String(repeating: "a", count: 64)
        let other = String(repeating: "b", count: 64)
        let features = TinyBase.features(3, 4, seed: 1)
        do {
            let store = try FeatureStore(path: path, rows: 3, columns: 4)
            #expect(!store.contains(key))
            try store.add(key, features)
        }
        // A record that was not finished: it is written over.
        let half = try #require(FileHandle(forWritingAtPath: path))
        try half.seekToEnd()
        try half.write(contentsOf: Data(repeating: 1, count: 70))
        try half.close()
        let store = try FeatureStore(path: path, rows: 3, columns: 4)
        try store.add(other, TinyBase.features(3, 4, seed: 2))
        let again = try FeatureStore(path: path, rows: 3, columns: 4)
        #expect(again.contains(key) && again.contains(other))
        let kept = try #require(try again.features(key))
        #expect(zip(kept.array, features.array).allSatisfy { $0 == Float(Float16($1)) })
        let error = #expect(throws: FeatureStoreError.self) { try FeatureStore(path: path, rows: 5, columns: 4) }
        #expect(error?.description.contains("expected \"lorgnette.features/1 5 4\"") == true)
    }

    @Test func aPassTakesEveryExampleOnce() {
        var deck = Deck(count: 7, seed: 3)
        let drawn = (0..<7).flatMap { deck.draw(3, step: $0) }
        for epoch in 0..<3 {
            #expect(drawn.filter { $0.epoch == epoch }.map(\.index).sorted() == Array(0..<7))
        }
        // Any step can be drawn by itself.
        var other = Deck(count: 7, seed: 3)
        #expect(other.draw(3, step: 4).map(\.index) == drawn[12..<15].map(\.index))
    }

    @Test func someFeaturesAreDrawnAndSomeColumnsDropped() {
        let features = TinyBase.features(9, 400, seed: 1)
        var random = SplitMix64(2)
        let some = features.someFeatures(4, &random)
        let rows = (0..<9).map { Array(UnsafeBufferPointer(start: features.row($0), count: 400)) }
        let drawn = (0..<4).map { Array(UnsafeBufferPointer(start: some.row($0), count: 400)) }
        #expect(drawn[0] == rows[0] && Set(drawn).count == 4 && drawn.allSatisfy(rows.contains))

        let kept = features.droppingColumns(0.5, &random)
        let gone = (0..<400).filter { kept.data[$0] == 0 }
        #expect((150...250).contains(gone.count), "\(gone.count) of 400")
        for i in 0..<9 {
            for c in 0..<400 {
                #expect(kept.row(i)[c] == (gone.contains(c) ? 0 : 2 * features.row(i)[c]))
            }
        }
        #expect(features.droppingColumns(0, &random) === features)
        withExtendedLifetime((some, kept)) {}
    }
}
