import Foundation
import Testing

@testable import Wire

@Suite struct ChaosTests {
    let log = "\(FileManager.default.temporaryDirectory.path)/lorgnette-chaos-\(UUID().uuidString).log"

    private func chaos(_ faults: String, seed: UInt64 = 7) throws -> Chaos { try Chaos(faults, seed: seed, log: log) }

    private func lines() -> [Substring] {
        defer { try? FileManager.default.removeItem(atPath: log) }
        return ((try? String(contentsOfFile: log, encoding: .utf8)) ?? "").split(separator: "\n")
    }

    private func message(_ item: String, attempt: UInt32 = 1) -> Message {
        var task = Lorgnette_V1_Task()
        task.id = 9
        task.attempt = attempt
        task.item = item
        task.question = "what is it?"
        return Message(epoch: 0x0102_0304_0506_0708, .task(task))
    }

    private func decode(_ bytes: [UInt8]) throws(Malformed) -> Lorgnette_V1_Envelope {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 1)
        defer { buffer.deallocate() }
        buffer.copyBytes(from: bytes)
        return try Message.decodeEnvelope(UnsafeRawBufferPointer(buffer), WireLimits())
    }

    @Test func theSameSeedStrikesTheSame() throws {
        let items = (0..<2000).map { "sub/\($0).ppm" }
        func struck(_ seed: UInt64) throws -> [String] {
            let chaos = try self.chaos("hang=20,kill=20", seed: seed)
            return items.filter { chaos.strikes(.hang, stage: "one", item: $0, attempt: 1) }
        }
        let first = try struck(7)
        #expect(try struck(7) == first)
        #expect(try struck(8) != first)
        #expect((60...140).contains(first.count), "one in 20 of 2000: \(first.count)")
        let chaos = try self.chaos("hang=20,kill=20")
        #expect(items.filter { chaos.strikes(.kill, stage: "one", item: $0, attempt: 1) } != first)
        #expect(items.filter { chaos.strikes(.hang, stage: "two", item: $0, attempt: 1) } != first)
        #expect(lines().count > 3 * 60)
    }

    @Test func itEnds() throws {
        let chaos = try self.chaos("crash=1")
        #expect(
            [1, 2, 3, 4].map { chaos.strikes(.crash, stage: "s", item: "a\nb", attempt: $0) } == [
                true, true, false, false,
            ])
        #expect(!chaos.strikes(.kill, stage: "s", item: "a", attempt: 1), "not asked for")
        #expect(lines() == ["crash s 1 \"a\\nb\"", "crash s 2 \"a\\nb\""])
    }

    @Test func textIsReadBack() throws {
        let chaos = try self.chaos("kill,full-disk=3", seed: .max)
        #expect(Chaos(text: chaos.text) == chaos)
        for text in ["", "1", "1:kill", "x:kill:/log", "1:kil:/log", "1:kill=0:/log"] {
            #expect(Chaos(text: text) == nil)
        }
    }

    @Test func misspeltFaultsAreNamed() {
        for word in ["kil", "", "kill=", "kill=0", "kill=-1"] {
            let error = #expect(throws: Chaos.Misspelt.self) { try Chaos(word, seed: 1, log: log) }
            #expect(error?.description.contains("\"\(word)\"") == true)
        }
    }

    @Test func messagesAreLostRepeatedAndSpoilt() throws {
        defer { _ = lines() }
        let whole = message("a")
        #expect(try chaos("drop=1").befall(whole, stage: "s", item: "a").isEmpty)
        #expect(try chaos("dup=1").befall(whole, stage: "s", item: "a").count == 2)
        #expect(try chaos("corrupt=1").befall(whole, stage: "s", item: "a").first?.damage != nil)
        #expect(try chaos("drop=1").befall(message("a", attempt: 3), stage: "s", item: "a").count == 1)
        #expect(try chaos("drop=1").befall(Message(epoch: 1, .heartbeat(.init())), stage: "s", item: "a").count == 1)
    }

    /// Whatever the damage: the reader refuses it or sees that it is of another process.
    @Test func damageIsNeverBelieved() throws {
        var kinds = Set<String>()
        for draw in 0..<UInt64(4000) {
            var message = draw % 5 == 0 ? Message(epoch: 3, .drain(.init())) : message("item \(draw)")
            let epoch = message.envelope.epoch
            message.damage = Damage(draw: draw &* 0x9e37_79b9_7f4a_7c15)
            let bytes = try message.encodedEnvelope(WireLimits())
            do throws(Malformed) {
                let found = try decode(bytes)
                #expect(found.epoch != epoch, "draw \(draw)")
                kinds.insert("epoch")
            } catch {
                kinds.insert("\(error)".prefix { $0 != ":" && $0 != "(" }.description)
            }
        }
        #expect(kinds.count >= 3, "\(kinds)")
    }

    @Test func theDiskIsFullNowAndThenAndNeverTwiceAtOnePlace() throws {
        let chaos = try self.chaos("full-disk=1")
        var (start, full): (Int64, Int) = (0, 0)
        while start < 100 << 10 {
            if let room = chaos.room(from: start, for: 300) {
                #expect((0..<300).contains(room))
                full += 1
            }
            start += 300
        }
        #expect(full == 100)
        #expect(lines().count == 100)
        #expect(try self.chaos("kill").room(from: 0, for: 1 << 20) == nil)
    }
}
