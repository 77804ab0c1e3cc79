import Glibc

/// A picture of a run's loss, as SVG: the loss of pictures and of instructions, smoothed, and the three validation
/// losses as dots.
public enum LossPlot {
    private static let (width, height, margin) = (720.0, 400.0, 48.0)

    /// The SVG of a curve; an empty one has axes only.
    public static func svg(_ curve: [Trainer.Point], title: String) -> String {
        let lines: [(name: String, colour: String, dots: Bool, points: [(Double, Double)])] = [
            ("pictures", "#1f77b4", false, smoothed(curve.compactMap { p in p.pictures.map { (Double(p.step), $0) } })),
            (
                "instructions", "#2ca02c", false,
                smoothed(curve.compactMap { p in p.instructions.map { (Double(p.step), $0) } })
            ),
            ("validation, seen", "#d62728", true, validation(curve, \.seen)),
            ("validation, another's features", "#ff7f0e", true, validation(curve, \.shuffled)),
            ("validation, zeros", "#7f7f7f", true, validation(curve, \.zero)),
        ].filter { !$0.3.isEmpty }
        let values = lines.flatMap { $0.points.map(\.1) }.sorted()
        // The first steps are far above all others and would flatten the rest.
        let low = values.first ?? 0
        let high = max(low + 0.1, values.isEmpty ? 1 : values[min(values.count - 1, values.count * 98 / 100)])
        let last = max(1, Double(curve.last?.step ?? 1))
        func x(_ step: Double) -> Double { margin + step / last * (width - 2 * margin) }
        func y(_ loss: Double) -> Double {
            height - margin - (min(loss, high) - low) / (high - low) * (height - 2 * margin)
        }
        var out = """
            <svg xmlns="http://www.w3.org/2000/svg" width="\(Int(width))" height="\(Int(height))" \
            font-family="sans-serif" font-size="12">
            <rect width="100%" height="100%" fill="white"/>
            <text x="\(margin)" y="20" font-size="14">\(escaped(title))</text>

            """
        for i in 0...4 {
            let loss = low + (high - low) * Double(i) / 4
            let step = last * Double(i) / 4
            out += """
                <line x1="\(margin)" x2="\(width - margin)" y1="\(short(y(loss)))" y2="\(short(y(loss)))" stroke="#ddd"/>
                <text x="\(margin - 6)" y="\(short(y(loss) + 4))" text-anchor="end">\(short(loss))</text>
                <text x="\(short(x(step)))" y="\(height - margin + 18)" text-anchor="middle">\(Int(step))</text>

                """
        }
        for (i, line) in lines.enumerated() {
            let places = line.points.map { "\(short(x($0.0))),\(short(y($0.1)))" }
            out += "<polyline fill=\"none\" stroke=\"\(line.colour)\" points=\"\(places.joined(separator: " "))\"/>\n"
            if line.dots {
                for (step, loss) in line.points {
                    out +=
                        "<circle cx=\"\(short(x(step)))\" cy=\"\(short(y(loss)))\" r=\"2.5\" fill=\"\(line.colour)\"/>\n"
                }
            }
            let at = margin + 14 * Double(i)
            out +=
                "<text x=\"\(width - margin)\" y=\"\(at)\" text-anchor=\"end\" fill=\"\(line.colour)\">\(line.name)</text>\n"
        }
        return out + "<text x=\"\(width / 2)\" y=\"\(height - 8)\" text-anchor=\"middle\">step</text>\n</svg>\n"
    }

    private static func validation(
        _ curve: [Trainer.Point], _ key: KeyPath<Trainer.Validation, Double>
    ) -> [(Double, Double)] {
        curve.compactMap { p in p.validation.map { (Double(p.step), $0[keyPath: key]) } }
    }

    /// Means of about 200 stretches.
    private static func smoothed(_ points: [(Double, Double)]) -> [(Double, Double)] {
        let stretch = max(1, points.count / 200)
        return stride(from: 0, to: points.count, by: stretch).map { start in
            let part = points[start..<min(start + stretch, points.count)]
            return (part[start].0, part.reduce(0) { $0 + $1.1 } / Double(part.count))
        }
    }

    /// Two decimals, without a locale's comma.
    private static func short(_ value: Double) -> String {
        let hundredths = Int((value * 100).rounded())
        let rest = abs(hundredths) % 100
        return (hundredths < 0 ? "-" : "") + "\(abs(hundredths) / 100)." + (rest < 10 ? "0" : "") + "\(rest)"
    }

    private static func escaped(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
    }
}
