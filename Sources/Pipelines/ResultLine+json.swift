extension ResultLine {
    /// The line without its newline: valid UTF-8, keys in the order of the schema.
    /// At the top every key is present, `null` where there is nothing (`item_escaped` only if true); below, absent keys are left out.
    public func json() -> String {
        var writer = JSONWriter()
        writer.object { line in
            line.key("schema")
            line.value(Self.schema)
            line.key("item")
            line.value(item)
            if itemIsEscaped {
                line.key("item_escaped")
                line.value(true)
            }
            line.key("sha256")
            line.value(sha256)
            line.key("status")
            line.value(status.rawValue)
            line.key("picture")
            if let picture { line.write(picture) } else { line.null() }
            line.key("stages")
            line.object { object in
                for entry in stages {
                    object.key(entry.name)
                    object.write(entry.report, wordsElsewhere: entry.name == answerStage && entry.report.status == .ok)
                }
            }
            line.key("answer")
            if let answer { line.writeAnswer(answer) } else { line.null() }
            line.key("error")
            if let error { line.write(error) } else { line.null() }
        }
        return writer.text
    }
}

extension JSONWriter {
    fileprivate mutating func write(_ picture: PictureFacts) {
        object {
            $0.key("format")
            $0.value(picture.format)
            for (name, value) in [
                ("width", picture.width), ("height", picture.height), ("orientation", picture.orientation),
                ("pages", picture.pages),
            ] {
                $0.key(name)
                $0.value(value)
            }
        }
    }

    mutating func write(_ report: StageReport, wordsElsewhere: Bool) {
        object { object in
            object.key("expert")
            object.value(report.expert)
            object.key("status")
            object.value(report.status.rawValue)
            if let reason = report.reason {
                object.key("reason")
                object.value(reason)
            }
            if let outcome = report.outcome {
                if !wordsElsewhere {
                    object.writeWords(outcome)
                } else if let text = outcome.text {
                    // Who looks for a stage's words finds them there, whichever stage answers.
                    object.key("text")
                    object.value(text)
                }
                object.writeFacts(outcome.facts)
            }
            if let error = report.error {
                object.key("error")
                object.object {
                    $0.key("code")
                    $0.value(error.code)
                    $0.key("message")
                    $0.value(error.message)
                }
            }
            object.writeModels(report)
            object.key("seconds")
            object.value(report.seconds, decimals: 4)
            object.key("attempts")
            object.value(report.attempts)
            if report.cached {
                object.key("cached")
                object.value(true)
            }
        }
    }

    private mutating func writeWords(_ outcome: StageOutcome) {
        if let text = outcome.text {
            key("text")
            value(text)
        }
        if let confidence = outcome.confidence {
            key("confidence")
            value(Double(confidence), decimals: 4)
        }
        if !outcome.lines.isEmpty {
            key("lines")
            array { list in
                for line in outcome.lines { list.write(line) }
            }
        }
        if let generation = outcome.generation { write(generation) }
    }

    private mutating func write(_ line: TextLine) {
        object {
            $0.key("text")
            $0.value(line.text)
            $0.key("box")
            $0.array { box in for side in line.box { box.value(side) } }
            $0.key("confidence")
            $0.value(Double(line.confidence), decimals: 4)
        }
    }

    private mutating func write(_ generation: Generation) {
        key("tokens")
        value(generation.tokens)
        key("finish")
        value(generation.finish)
        key("used")
        array { for stage in generation.used { $0.value(stage) } }
        key("cut")
        array { list in
            for cut in generation.cut {
                list.object {
                    $0.key("stage")
                    $0.value(cut.stage)
                    $0.key("lines")
                    $0.value(cut.lines)
                    $0.key("tokens")
                    $0.value(cut.tokens)
                }
            }
        }
        key("seed")
        value(generation.seed)
    }

    private mutating func writeFacts(_ facts: [String: String]) {
        guard !facts.isEmpty else { return }
        key("facts")
        value(OptionValue.map(facts.mapValues { .string($0) }))
    }

    private mutating func writeModels(_ report: StageReport) {
        let models = report.outcome?.models ?? []
        if let model = report.model ?? models.first {
            key("model")
            value(model)
        }
        if models.count > 1 {
            key("models")
            array { for model in models { $0.value(model) } }
        }
    }

    fileprivate mutating func writeAnswer(_ report: StageReport) {
        object {
            $0.key("text")
            $0.value(report.outcome?.text ?? "")
            if let generation = report.outcome?.generation { $0.write(generation) }
            $0.key("seconds")
            $0.value(report.seconds, decimals: 4)
        }
    }

    mutating func write(_ error: ItemError) {
        object {
            $0.key("stage")
            $0.value(error.stage)
            $0.key("code")
            $0.value(error.code)
            $0.key("message")
            $0.value(error.message)
        }
    }
}
