import CZBar
import ExpertKit
import Pictures
import Wire

/// Reads the barcodes in a picture with zbar.
final class BarcodeExpert: Expert {
    static let description = ExpertDescription(
        service: "barcode", software: "lorgnette-barcode 0.1.0 (zbar \(version))",
        about: "Reads the barcodes and QR codes in a picture: their data and their places, or none.",
        inputs: [.picture()], outputs: [.text("text")],
        options: [
            .strings(
                "kinds", default: BarcodeKind.usual.map(\.rawValue), choices: BarcodeKind.allCases.map(\.rawValue),
                "Kinds of code to look for."),
            .string(
                "effort", default: BarcodeReader.Effort.thorough.rawValue,
                choices: BarcodeReader.Effort.allCases.map(\.rawValue),
                "Thorough looks again where nothing was found: enlarged, light on dark, turned."),
        ])

    private let reader: BarcodeReader

    init(options: ExpertOptions) throws {
        let kinds = try options.strings("kinds").compactMap(BarcodeKind.init(rawValue:))
        guard !kinds.isEmpty else {
            throw ExpertFailure.badOption("option \"kinds\": expected at least one kind, found none")
        }
        let effort = BarcodeReader.Effort(rawValue: try options.string("effort")) ?? .thorough
        guard let reader = BarcodeReader(kinds: kinds, effort: effort) else {
            throw ExpertFailure.outOfMemory("zbar could not make a scanner")
        }
        self.reader = reader
    }

    func answer(_ task: ExpertTask) throws -> ExpertAnswer {
        let picture = try decoded(task)
        let codes = reader.codes(in: GreyPicture(picture)) { task.isCancelled }
        try task.checkCancelled()
        var answer = ExpertAnswer(text: codes.map(\.text).joined(separator: "\n"))
        answer.lines = codes.map { code in
            .with {
                $0.text = code.text
                $0.box = code.box.map { Int32($0) }
                // zbar tells no probability; a code whose parts contradict each other is not reported at all.
                $0.confidence = 1
            }
        }
        for (index, code) in codes.enumerated() { answer.facts["code \(index + 1)"] = code.kind.rawValue }
        let facts = picture.facts
        answer.picture = .init(
            format: facts.format.rawValue, width: facts.width, height: facts.height, orientation: facts.orientation,
            pages: facts.pages)
        return answer
    }

    private func decoded(_ task: ExpertTask) throws(ExpertFailure) -> Picture {
        let bytes = try task.pictureBytes()
        do {
            return try Picture.load(bytes: bytes, name: task.item)
        } catch {
            throw .picture(error.code, error.description)
        }
    }

    private static let version: String = {
        var (major, minor, patch) = (UInt32(0), UInt32(0), UInt32(0))
        zbar_version(&major, &minor, &patch)
        return "\(major).\(minor).\(patch)"
    }()
}
