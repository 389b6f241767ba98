# SPDX-License-Identifier: LGPL-2.1-or-later
"""A headless Chromium that shows one page, driven over its own pipe (DevTools protocol): it
measures, takes screenshots and prints."""
import base64
import json
import os
import select
import shutil
import subprocess
import tempfile
import time

CHROMIUM = shutil.which('chromium')
OPTIONS = ['--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage',
           '--hide-scrollbars', '--no-first-run', '--disable-extensions',
           '--disable-background-networking', '--disable-component-update', '--no-proxy-server',
           '--host-resolver-rules=MAP * ~NOTFOUND']
# Paper in inches.
A4 = dict(paperWidth=8.27, paperHeight=11.69)
LETTER = dict(paperWidth=8.5, paperHeight=11)


class Browser:
    """Shows a file; `with Browser(path) as page:` ends it again."""

    def __init__(self, path):
        self.path = path
        self.number = 0
        self.buffer = b''
        self.session = None
        self.requests = []  # addresses that the page asked for

    def __enter__(self):
        self.profile = tempfile.mkdtemp(prefix='triage-chromium-')
        commands, self.commands = os.pipe()
        self.answers, answers = os.pipe()
        # The browser reads commands from descriptor 3 and answers on 4.
        script = 'exec "$@" 3<&"$IN" 4>&"$OUT"'
        self.process = subprocess.Popen(
            ['bash', '-c', script, 'bash', CHROMIUM, *OPTIONS, f'--user-data-dir={self.profile}',
             '--remote-debugging-pipe', 'about:blank'],
            pass_fds=(commands, answers),
            env={**os.environ, 'IN': str(commands), 'OUT': str(answers)},
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(commands)
        os.close(answers)
        try:
            target = self.ask('Target.createTarget', url='about:blank')['targetId']
            attached = self.ask('Target.attachToTarget', targetId=target, flatten=True)
            self.session = attached['sessionId']
            self.ask('Page.enable')
            self.ask('Network.enable')
            self.ask('Page.navigate', url=f'file://{self.path}')
            self.wait_for('Page.loadEventFired')
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait(20)
        os.close(self.commands)
        os.close(self.answers)
        shutil.rmtree(self.profile, ignore_errors=True)

    def message(self, seconds=60):
        """The next message of the browser."""
        deadline = time.monotonic() + seconds
        while b'\0' not in self.buffer:
            ready, _, _ = select.select([self.answers], [], [], max(0, deadline - time.monotonic()))
            assert ready, f'chromium said nothing for {seconds} s'
            piece = os.read(self.answers, 1 << 16)
            assert piece, 'chromium ended'
            self.buffer += piece
        text, self.buffer = self.buffer.split(b'\0', 1)
        message = json.loads(text)
        if message.get('method') == 'Network.requestWillBeSent':
            self.requests.append(message['params']['request']['url'])
        return message

    def wait_for(self, event):
        while self.message().get('method') != event:
            pass

    def ask(self, method, **parameters):
        """One command; gives its result."""
        self.number += 1
        message = {'id': self.number, 'method': method, 'params': parameters}
        if self.session:
            message['sessionId'] = self.session
        data = json.dumps(message).encode() + b'\0'
        while data:
            data = data[os.write(self.commands, data):]
        while True:
            answer = self.message()
            if answer.get('id') == self.number:
                assert 'error' not in answer, f'{method}: {answer["error"]}'
                return answer['result']

    def look(self, width, dark=False, height=800):
        """Sets the width of the window in CSS pixels, and the colours."""
        self.ask('Emulation.setDeviceMetricsOverride', width=width, height=height,
                 deviceScaleFactor=1, mobile=False)
        self.ask('Emulation.setEmulatedMedia', features=[
            {'name': 'prefers-color-scheme', 'value': 'dark' if dark else 'light'}])

    def value(self, expression):
        """What an expression gives in the page."""
        answer = self.ask('Runtime.evaluate', expression=expression, returnByValue=True)
        assert 'exceptionDetails' not in answer, answer
        return answer['result'].get('value')

    def screenshot(self):
        """The whole page as PNG."""
        return base64.b64decode(
            self.ask('Page.captureScreenshot', captureBeyondViewport=True)['data'])

    def pdf(self, paper):
        return base64.b64decode(self.ask(
            'Page.printToPDF', printBackground=False, preferCSSPageSize=False, **paper)['data'])
