import Wire

/// What is wrong with a Result's outcome.
enum OutcomeFaults {
    /// Something was looked at, and this is what was found: a fault, or nothing.
    enum Look: Hashable {
        case fine
        case fault(String)
        var description: String? { if case .fault(let text) = self { text } else { nil } }
    }

    static func outputs(_ outcome: Lorgnette_V1_Outcome, promised: [Lorgnette_V1_Port]) -> String? {
        let hasText = outcome.hasText || !outcome.lines.isEmpty
        let hasTensors = !outcome.tensors.isEmpty
        for port in promised where port.required {
            if port.kind == .text, !hasText { return "expected words for output \"\(port.name)\", found none" }
            if port.kind == .tensor, !hasTensors { return "expected tensors for output \"\(port.name)\", found none" }
        }
        if hasTensors, !promised.contains(where: { $0.kind == .tensor }) {
            return "Hello has no output of kind TENSOR, found tensors"
        }
        if hasText, !promised.contains(where: { $0.kind == .text }) {
            return "Hello has no output of kind TEXT, found words"
        }
        return hasText || hasTensors ? nil : "expected words or tensors, found neither; a text may be empty, not absent"
    }

    /// nil: there are no regions.
    static func boxes(_ outcome: Lorgnette_V1_Outcome, in picture: Extent?) -> Look? {
        let regions =
            outcome.lines.map { ($0.text, $0.box) } + outcome.lines.flatMap(\.words).map { ($0.text, $0.box) }
        let boxes = regions.filter { !$0.1.isEmpty }
        if boxes.isEmpty { return nil }
        for (text, box) in boxes {
            let place = "region of \"\(text.prefix(40))\""
            guard box.count == 4 else { return .fault("\(place): expected x, y, width, height, found \(box)") }
            guard let picture else { return .fault("\(place): the task had no picture, found \(box)") }
            let (x, y, width, height) = (Int(box[0]), Int(box[1]), Int(box[2]), Int(box[3]))
            let isInside =
                x >= 0 && y >= 0 && width > 0 && height > 0 && x + width <= picture.width
                && y + height <= picture.height
            if !isInside {
                return .fault("\(place): expected it inside \(picture.width) × \(picture.height), found \(box)")
            }
        }
        return .fine
    }

    /// nil: there are no confidences.
    static func confidences(_ outcome: Lorgnette_V1_Outcome) -> Look? {
        var all = outcome.hasConfidence ? [("the outcome", outcome.confidence)] : []
        for line in outcome.lines {
            all.append(("line \"\(line.text.prefix(40))\"", line.confidence))
            all += line.words.map { ("word \"\($0.text.prefix(40))\"", $0.confidence) }
        }
        for (place, confidence) in all where !(confidence >= 0 && confidence <= 1) {
            return .fault("\(place): expected a confidence of 0…1, found \(confidence)")
        }
        return all.isEmpty ? nil : .fine
    }

    /// nil: there are no tensors.
    static func tensors(_ outcome: Lorgnette_V1_Outcome, _ payloads: [Payload]) -> Look? {
        var names: Set<String> = []
        for header in outcome.tensors {
            if header.name.isEmpty { return .fault("expected a tensor's name, found none") }
            if !names.insert(header.name).inserted { return .fault("two tensors are named \"\(header.name)\"") }
            do {
                if let index = try payloads.tensor(header).firstNonFinite() {
                    return .fault("tensor \"\(header.name)\": expected finite numbers, element \(index) is none")
                }
            } catch {
                return .fault("\(error)")
            }
        }
        return outcome.tensors.isEmpty ? nil : .fine
    }

    /// nil: there are no facts of the picture.
    static func facts(_ outcome: Lorgnette_V1_Outcome, of picture: Extent?) -> Look? {
        guard outcome.hasPicture else { return nil }
        let facts = outcome.picture
        guard let picture else { return .fault("the task had no picture, found facts of one") }
        if Int(facts.width) != picture.width || Int(facts.height) != picture.height {
            return .fault("expected \(picture.width) × \(picture.height), found \(facts.width) × \(facts.height)")
        }
        if !(1...8).contains(facts.orientation) {
            return .fault("expected an orientation of 1…8, found \(facts.orientation)")
        }
        return facts.format.isEmpty ? .fault("expected the picture's format, found none") : .fine
    }
}
