import Foundation
import Testing

@testable import Seats

/// Who computes, as several processes see it.
@Suite struct SeatTests {
    private let path = FileManager.default.temporaryDirectory.appendingPathComponent("seats-\(UUID())").path

    private func seats(_ names: String...) throws -> (SeatTable, [Seat]) {
        let table = try #require(SeatTable(path: path))
        return (table, try names.map { try #require(Seat(table.seat(of: $0))) })
    }

    @Test func processorsAreDividedAmongThoseThatCompute() throws {
        let (_, seats) = try seats("encoder", "captioner", "ocr")
        let (encoder, captioner, ocr) = (seats[0], seats[1], seats[2])
        encoder.useMany()
        captioner.useMany()
        encoder.sit()
        #expect(encoder.threads(of: 8, processors: 8) == 8)
        captioner.sit()
        #expect(encoder.threads(of: 8, processors: 8) == 4)
        #expect(captioner.threads(of: 8, processors: 8) == 4)
        // One that uses a single thread leaves the others all but that.
        ocr.sit()
        #expect(encoder.threads(of: 8, processors: 8) == 3)
        #expect(encoder.threads(of: 2, processors: 8) == 2)
        #expect(encoder.threads(of: 8, processors: 2) == 1)
        // Two tasks, of which one is done.
        captioner.sit()
        captioner.stand()
        #expect(encoder.threads(of: 8, processors: 8) == 3)
        captioner.stand()
        #expect(encoder.threads(of: 8, processors: 8) == 7)
    }

    @Test func theSeatOfAnEndedWorkerIsEmpty() throws {
        let (table, seats) = try seats("encoder", "captioner")
        for seat in seats { seat.useMany() }
        seats[1].sit()
        #expect(seats[0].threads(of: 4, processors: 4) == 2)
        table.clear("captioner")
        #expect(seats[0].threads(of: 4, processors: 4) == 4)
        // Its successor has the same place.
        seats[1].sit()
        let successor = try #require(Seat(table.seat(of: "captioner")))
        #expect(seats[0].threads(of: 4, processors: 4) == 4)
        successor.useMany()
        successor.sit()
        #expect(seats[0].threads(of: 4, processors: 4) == 2)
    }

    @Test func moreWorkersThanSeatsGoWithout() throws {
        let table = try #require(SeatTable(path: path))
        for i in 0..<SeatTable.seats { #expect(Seat(table.seat(of: "worker.\(i)")) != nil) }
        #expect(table.seat(of: "late") == "")
        #expect(table.seat(of: "worker.3") == "\(path):3")
    }

    @Test func aNameThatIsNoSeatIsNone() throws {
        _ = try seats("encoder")
        let short = path + ".short"
        try Data([1, 2]).write(to: URL(fileURLWithPath: short))
        for name in ["", path, "\(path):", "\(path):64", "\(path):-1", "\(path):x", "/nowhere:0", "\(short):0"] {
            #expect(Seat(name) == nil, "\(name)")
        }
        #expect(SeatTable(path: path) == nil, "a file that is there is not taken over")
    }
}
