"""Stands in for `smbus2` on a machine without I²C: writes go to the simulated board.

The parts that `luma.core` and `RPLCD` use. As the real one, it is closed by nobody but who opened it.
"""

import errno
import os
import socket

I2C_SMBUS_BLOCK_MAX = 32


class i2c_msg:
    def __init__(self, addr, buf):
        self.addr = addr
        self.buf = bytes(buf)

    @staticmethod
    def write(address, buf):
        return i2c_msg(address, buf)


class SMBus:
    def __init__(self, bus=None, force=False):
        self._link = None
        if bus is not None:
            self.open(bus)

    def open(self, bus):
        self._link = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._link.connect(os.environ["LOQUET_BOARD"])
        self._head = bytes((0xA7, bus))
        if self._send(self._head) != b"\0":
            self.close()
            raise OSError(errno.ENOENT, os.strerror(errno.ENOENT), f"/dev/i2c-{bus}")

    def close(self):
        if self._link is not None:
            self._link.close()
            self._link = None

    def write_byte(self, i2c_addr, value, force=None):
        self._write(i2c_addr, bytes((value,)))

    def write_i2c_block_data(self, i2c_addr, register, data, force=None):
        if len(data) > I2C_SMBUS_BLOCK_MAX:
            raise ValueError(f"Data length cannot exceed {I2C_SMBUS_BLOCK_MAX} bytes")
        self._write(i2c_addr, bytes((register, *data)))

    def i2c_rdwr(self, *i2c_msgs):
        for message in i2c_msgs:
            self._write(message.addr, message.buf)

    def _write(self, address, sent):
        if self._send(self._head + bytes((address,)) + sent) != b"\0":
            raise OSError(errno.EREMOTEIO, os.strerror(errno.EREMOTEIO))

    def _send(self, message):
        self._link.send(message)
        answer = self._link.recv(256)
        if not answer:
            raise OSError("the simulated board is gone")
        return answer
