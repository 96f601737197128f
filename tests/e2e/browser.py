"""Chromium as Debian has it, driven without a window."""
import os
import pathlib
import shutil

os.environ.setdefault("SE_OFFLINE", "true")  # nothing is fetched: browser and driver are Debian's

from selenium import webdriver  # noqa: E402
from selenium.webdriver.chrome.service import Service  # noqa: E402

FLAGS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update",
         "--disable-sync", "--disable-quic", "--disable-dev-shm-usage", "--force-color-profile=srgb", "--lang=en"]


def missing():
    """Why no browser can be driven here; nothing if one can."""
    absent = [name for name in ("chromium", "chromedriver") if not shutil.which(name)]
    return f"{' and '.join(absent)} is missing: scripts/deps" if absent else ""


class Browser:
    def __init__(self, folder, width=1280, height=1000):
        folder = pathlib.Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        self.downloads = folder / "downloads"
        options = webdriver.ChromeOptions()
        options.binary_location = shutil.which("chromium")
        for flag in [*FLAGS, f"--user-data-dir={folder / 'profile'}", f"--window-size={width},{height}"]:
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
        options.add_experimental_option("prefs", {"download.default_directory": str(self.downloads)})
        self.driver = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver"), log_output=str(folder / "chromedriver.log")))

    def close(self):
        self.driver.quit()

    def text(self):
        return self.driver.execute_script("return document.body.innerText")
