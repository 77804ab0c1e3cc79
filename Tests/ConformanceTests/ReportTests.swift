import Foundation
import FoundationXML
import Testing

@testable import Conformance

@Suite struct ReportTests {
    private let report = Report(
        subject: "python3 <my> \"expert\"",
        lines: [
            .init(name: "hello.said", about: "it says Hello", verdict: .ok, seconds: 0.25, log: ""),
            .init(
                name: "task.once", about: "one answer", verdict: .failed("expected 1 & found \u{1B}[2J <2>"),
                seconds: 1,
                log: "]]> the end"),
            .init(name: "result.tensors", about: "bytes", verdict: .notChecked("no \"tensors\""), seconds: 0, log: ""),
        ])

    @Test func aPersonCanReadIt() {
        #expect(report.summary == "3 checks: 1 ok, 1 failed, 1 not checked")
        #expect(report.lines[0].text == "ok           hello.said          it says Hello")
        #expect(report.lines[1].text.hasPrefix("FAILED       task.once           one answer\n"))
        #expect(report.lines[1].text.contains("its log ends: ]]> the end"))
        #expect(report.lines[2].text == "not checked  result.tensors      bytes: no \"tensors\"")
    }

    @Test func aProgramCanReadIt() throws {
        let parser = XMLParser(data: Data(report.junit.utf8))
        let reader = Reader()
        parser.delegate = reader
        #expect(parser.parse(), "\(report.junit)")
        #expect(reader.suite["tests"] == "3" && reader.suite["failures"] == "1" && reader.suite["skipped"] == "1")
        #expect(reader.cases == ["hello.said: it says Hello", "task.once: one answer", "result.tensors: bytes"])
        #expect(reader.failure == "expected 1 & found \u{FFFD}[2J <2>")
    }

    private final class Reader: NSObject, XMLParserDelegate {
        var suite: [String: String] = [:]
        var cases: [String] = []
        var failure: String?

        func parser(
            _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
            attributes: [String: String]
        ) {
            switch name {
            case "testsuite": suite = attributes
            case "testcase": cases.append(attributes["name"] ?? "")
            case "failure": failure = attributes["message"]
            default: break
            }
        }
    }

    @Test func everyCheckHasANameOfItsOwn() {
        let names = ConformanceCheck.checks.map(\.name)
        #expect(Set(names).count == names.count)
        #expect(Trial.basic.isSubset(of: names))
        #expect(names.allSatisfy { $0.count < 20 && $0.split(separator: ".").count == 2 })
    }
}
