import ExpertKit
import Foundation
import Testing
import Wire

@testable import lorgnette_barcode

/// Codes that these tests draw, read by the expert without a socket.
@Suite struct BarcodeExpertTests {
    private static let ean = Symbol.ean13("400638133393")

    /// An EAN-13 of 339 × 120 pixels at (40, 50).
    private var product: Sheet {
        var sheet = Sheet(width: 420, height: 220)
        sheet.bars(Self.ean.modules, x: 40, y: 50, module: 3, height: 120)
        return sheet
    }

    private func read(_ sheet: Sheet, _ options: [String: WireValue] = [:]) throws -> ExpertAnswer {
        try Rehearsal(BarcodeExpert.self, options: options).answer(picture: sheet.picture)
    }

    @Test func aBarcodeIsReadWithItsPlaceAndKind() throws {
        let answer = try read(product)
        #expect(answer.text == "4006381333931")
        #expect(Self.ean.digits == "4006381333931")
        #expect(answer.facts == ["code 1": "ean13"])
        let line = try #require(answer.lines.first)
        #expect(answer.lines.count == 1)
        #expect(line.text == "4006381333931")
        #expect(line.confidence == 1)
        // Without the quiet zones it reaches from 67 to 352 and from 50 to 170.
        #expect(abs(line.box[0] - 67) <= 4 && abs(line.box[0] + line.box[2] - 352) <= 4, "\(line.box)")
        #expect(abs(line.box[1] - 50) <= 4 && abs(line.box[1] + line.box[3] - 170) <= 4, "\(line.box)")
        #expect(answer.picture?.width == 420)
        #expect(answer.picture?.format == "pnm")
    }

    @Test func twoCodesComeInReadingOrder() throws {
        var sheet = Sheet(width: 900, height: 400)
        sheet.bars(Symbol.code128("Shelf 12-B"), x: 20, y: 250, module: 2, height: 100)
        sheet.bars(Self.ean.modules, x: 480, y: 40, module: 3, height: 120)
        sheet.bars(Symbol.code128("left of it"), x: 20, y: 44, module: 2, height: 100)
        let answer = try read(sheet)
        #expect(answer.text == "left of it\n4006381333931\nShelf 12-B")
        #expect(answer.facts == ["code 1": "code128", "code 2": "ean13", "code 3": "code128"])
    }

    @Test(arguments: [90, 180, 270, 12, 45, 67, 110, 200, 338] as [Double])
    func aTurnedCodeIsReadAndItsBoxIsInside(degrees: Double) throws {
        let sheet = product.turned(degrees: degrees)
        let answer = try read(sheet)
        #expect(answer.text == "4006381333931")
        for line in answer.lines {
            #expect(line.box[0] >= 0 && line.box[1] >= 0 && line.box[2] > 0 && line.box[3] > 0)
            #expect(Int(line.box[0] + line.box[2]) <= sheet.width && Int(line.box[1] + line.box[3]) <= sheet.height)
            let middle = (x: Int(line.box[0] + line.box[2] / 2), y: Int(line.box[1] + line.box[3] / 2))
            #expect(abs(middle.x - sheet.width / 2) < 40 && abs(middle.y - sheet.height / 2) < 40, "\(line.box)")
        }
    }

    @Test func whatIsHardIsFoundByALongerLook() throws {
        var dark = product
        dark.invert()
        #expect(try read(dark).text == "4006381333931")
        var thin = Sheet(width: 260, height: 90)
        thin.bars(Symbol.code128("one pixel a bar"), x: 10, y: 20, module: 1, height: 50)
        #expect(try read(thin).text == "one pixel a bar")
        #expect(try read(product.turned(degrees: 45), ["effort": .string("quick")]).text == "")
    }

    @Test func onlyTheKindsThatAreAskedForAreRead() throws {
        #expect(try read(product, ["kinds": .list([.string("qr"), .string("code128")])]).text == "")
        #expect(try read(product, ["kinds": .list([.string("ean13")])]).text == "4006381333931")
        for wrong in [WireValue.list([]), .list([.string("ean14")]), .string("ean13")] {
            #expect {
                _ = try Rehearsal(BarcodeExpert.self, options: ["kinds": wrong])
            } throws: { error in
                let failure = error as? ExpertFailure
                return failure?.code == .badOption && failure?.message.contains("kinds") == true
            }
        }
    }

    @Test func aPictureWithoutCodesHasNone() throws {
        for sheet in [Sheet(width: 300, height: 200), Sheet(width: 1, height: 1), Sheet(width: 1, height: 400)] {
            let answer = try read(sheet)
            #expect(answer.text == "")
            #expect(answer.lines.isEmpty && answer.facts.isEmpty)
        }
    }

    @Test func aQRCodeIsReadFromAFile() throws {
        let fixtures = URL(filePath: #filePath).appending(path: "../../Fixtures/barcode").standardized.path
        let stage = try Rehearsal(BarcodeExpert.self)
        let answer = try stage.answer(picture: PictureSource(place: .path("\(fixtures)/qr.png")))
        #expect(answer.text == "lorgnette.example")
        #expect(answer.facts == ["code 1": "qr"])
        #expect(answer.lines.first?.box.allSatisfy { $0 > 0 } == true)
    }

    @Test func aBrokenPictureIsATypedFailure() throws {
        let stage = try Rehearsal(BarcodeExpert.self)
        let cut = PictureSource(place: .bytes(Payload([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, 0, 0])))
        #expect {
            _ = try stage.answer(picture: cut)
        } throws: { ($0 as? ExpertFailure)?.code == .badPicture }
    }
}
