"""Temporal's web UI as a person uses it: a run's page, its events, its download, and the place where a codec endpoint is set."""
import re

from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

import harness


class RunPage:
    def __init__(self, browser, ui, namespace, workflow_id):
        self.browser, self.driver = browser, browser.driver
        self.driver.get(f"{ui}/namespaces/{namespace}/workflows/{workflow_id}")
        self.ready()

    def wait(self, condition, what):
        return harness.wait_for(condition, f"{what}: {self.driver.current_url}\n{self.text()[:2000]}", 180)

    def text(self):
        return self.browser.text()

    def all(self, selector):
        return [e for e in self.driver.find_elements(By.CSS_SELECTOR, selector) if e.is_displayed()]

    def one(self, selector):
        return self.wait(lambda: self.all(selector), selector)[0]

    def click(self, element):
        """As a person, who does not click on what stands behind the page's head."""
        self.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", element)
        element.click()

    def button(self, text, within=""):
        return self.wait(lambda: [e for e in self.all(f"{within} button") if e.text == text], f"the button {text}")[0]

    def ready(self):
        self.wait(lambda: self.all("[data-testid=event-summary-row]") and self.all("[data-testid=input-and-result]"), "the events")
        self.wait(lambda: self.sections() and all(len(s) > 60 for s in self.sections()), "input and result")

    def sections(self):
        """Texts of input and result."""
        text = self.one("[data-testid=input-and-result]").text
        return [part for part in re.split(r"^(?:Input|Result)$", text, flags=re.M) if part.strip()]

    def reload(self):
        self.driver.refresh()
        self.ready()

    def rows(self):
        """Of the table of events: one for each, and one more for each that is open."""
        return len(self.driver.find_elements(By.CSS_SELECTOR, "[data-testid=event-summary-table] tr"))

    def expand(self):
        """Opens every event, by a click on its type."""
        ids = [row.get_attribute("data-eventid") for row in self.all("[data-testid=event-summary-row]")]
        for event in ids:
            before = self.rows()
            row = self.one(f'tr[data-eventid="{event}"]')
            self.click(row.find_elements(By.TAG_NAME, "td")[-2])
            self.wait(lambda: self.rows() > before, f"event {event}")
        return ids

    def as_json(self):
        self.click(self.one("[data-testid=json]"))
        self.wait(lambda: '"eventType"' in self.text(), "the JSON of the events")
        text = self.text()
        self.click(self.one("[data-testid=feed]"))
        self.ready()
        return text

    def download(self, which):
        """The history as the page saves it: "encoded" or "decoded"."""
        for old in self.browser.downloads.glob("*"):
            old.unlink()
        self.click(self.one("[data-testid=download]"))
        self.driver.execute_script("arguments[0].click()", self.driver.find_element(By.ID, f"use-{which}-setting"))
        dialog = self.wait(lambda: [d for d in self.all("dialog[open]") if "ownload" in d.text], "the download's dialog")[0]
        dialog.find_element(By.CSS_SELECTOR, "[data-testid=confirm-modal-button]").click()
        path = self.wait(lambda: [p for p in self.browser.downloads.glob("*.json") if p.stat().st_size], "the download")[0]
        return path.read_text()

    def set_codec(self, endpoint):
        """The glasses at the top right, the endpoint, Apply; then the page anew, which asks it."""
        self.click(self.one("[data-testid^=data-encoder-status]"))
        field = self.one("#data-encoder-endpoint-input")
        kept = field.get_attribute("value") == endpoint  # there is nothing to apply then
        if not kept:
            field.send_keys(Keys.CONTROL + "a" + Keys.NULL + endpoint)
        self.click(self.button("Cancel" if kept else "Apply"))
        self.wait(lambda: not self.all("#data-encoder-endpoint-input"), "the dialog's end")
        self.reload()

    def screenshot(self, path):
        """As high as input and result together take."""
        size = self.driver.get_window_size()
        self.driver.set_window_size(1200, 1480)
        self.driver.execute_script("window.scrollTo(0, 0)")
        self.driver.save_screenshot(str(path))
        self.driver.set_window_size(size["width"], size["height"])

