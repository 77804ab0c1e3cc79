import Wire

extension ExpertDescription {
    func hello(worker: String, pid: UInt32) -> Lorgnette_V1_Hello {
        .with {
            $0.service = service
            $0.software = software
            $0.worker = worker
            $0.inputs = inputs.map(\.wire)
            $0.outputs = outputs.map(\.wire)
            $0.options = options.map(\.wire)
            $0.concurrency = UInt32(clamping: concurrency)
            $0.about = about
            $0.pid = pid
        }
    }

    /// What keeps `task` from fitting the inputs, nil if nothing does. Tensors are checked when they are read.
    func fault(in task: Lorgnette_V1_Task, payloads: Int) -> ExpertFailure? {
        for port in inputs {
            let given = task.inputs.count { $0.port == port.name }
            switch port.kind {
            case .picture:
                if port.required && !task.hasPicture { return .badInput("expected a picture, found none") }
            case .tensor:
                if given > 1 { return .badInput("input \"\(port.name)\": expected one stage, found \(given)") }
                fallthrough
            case .text:
                if port.required && given == 0 { return .badInput("input \"\(port.name)\": expected an outcome, found none") }
            case .question, .unspecified, .UNRECOGNIZED: break
            }
        }
        for input in task.inputs where !inputs.contains(where: { $0.name == input.port }) {
            return .badInput("input \"\(input.port)\": \(service) has no such port")
        }
        if task.hasPicture, task.picture.hasFrame, Int(task.picture.frame) >= payloads {
            return .badInput("picture: expected payload frame \(task.picture.frame), found \(payloads) payload frames")
        }
        return nil
    }
}

extension ExpertDescription.Port {
    var wire: Lorgnette_V1_Port {
        .with {
            $0.name = name
            $0.kind = kind
            $0.required = required
        }
    }
}

extension ExpertDescription.Option {
    var wire: Lorgnette_V1_Option {
        .with {
            $0.name = name
            $0.type = type
            $0.about = about
            $0.defaultText = fallback?.description ?? ""
            if let range {
                // An open end is an absent limit on the wire.
                if range.lowerBound.isFinite { $0.minimum = range.lowerBound }
                if range.upperBound.isFinite { $0.maximum = range.upperBound }
            }
            $0.choices = choices
        }
    }
}
