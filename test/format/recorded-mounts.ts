// Mounts as Linux 6.18.44 showed them, each by both ways: the line of mountinfo and the answer of statmount(2).
//
// Layers: l, "l:2", "l,3", "l\\4", "l 5\n#\xff\"=" and data-only "d:2" below /tmp/ov; upper "u\\\\,: \n\xff#"; work "w\\".

export interface RecordedMount {
  readonly how: string;
  readonly mountinfo: Buffer;
  readonly statmount: Buffer;
}

/** The reserved zeros between the last field and the strings are left out of the recordings. */
function wholeAnswer(recorded: string): Buffer {
  const bytes = Buffer.from(recorded, 'base64');
  return Buffer.concat([bytes.subarray(0, 168), Buffer.alloc(512 - 168), bytes.subarray(168)]);
}

const line = (recorded: string): Buffer => Buffer.from(recorded, 'base64');

export const RECORDED_MOUNTS: readonly RecordedMount[] = [
  {
    how: 'layers given as descriptors',
    mountinfo: line(
      'NzEgNjMgMDo0MCAvIC90bXAvb3YvbVwwNDBcMTM0XDAxMlwwMTEsI/8gcncsbm9zdWlkLG5vZGV2LG5vZXhlYyxub2F0aW1l' +
        'LG5vZGlyYXRpbWUsbm9zeW1mb2xsb3cgLSBvdmVybGF5IHNyXDA0MGNcMTM0eCxcMDEyXDA0M/86IHJ3LGxvd2VyZGlyKz0v' +
        'dG1wL292L2wsbG93ZXJkaXIrPS90bXAvb3YvbDoyLGxvd2VyZGlyKz0vdG1wL292L2xcMDU0Myxsb3dlcmRpcis9L3RtcC9v' +
        'di9sXDEzNDQsbG93ZXJkaXIrPS90bXAvb3YvbFwwNDA1XDAxMiP/Ij0sZGF0YWRpcis9L3RtcC9vdi9kOjIsdXBwZXJkaXI9' +
        'L3RtcC9vdi91XDEzNFwxMzRcMDU0OlwwNDBcMDEy/yMsd29ya2Rpcj0vdG1wL292L3dcMTM0LHV1aWQ9b24K',
    ),
    statmount: wholeAnswer(
      'AgMAABwAAAD/AgAAAAAAAAAAAAAoAAAAMHZMeQAAAAAAAAAAAQAAAPW0ZYAAAAAA7bRlgAAAAABHAAAAPwAAAJ4AIAAAAAAA' +
        'AAAEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAJAAAACwAAAA8QAAAAAAAAAAAAAPYAAAAAAAAAAAAAAAAAAAAAAAAA' +
        'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAG92ZXJsYXkALwAvdG1wL292L20gXAoJLCP/AGxvd2VyZGlyKz0vdG1wL292L2ws' +
        'bG93ZXJkaXIrPS90bXAvb3YvbDoyLGxvd2VyZGlyKz0vdG1wL292L2xcMDU0Myxsb3dlcmRpcis9L3RtcC9vdi9sXDEzNDQs' +
        'bG93ZXJkaXIrPS90bXAvb3YvbFwwNDA1XDAxMiP/Ij0sZGF0YWRpcis9L3RtcC9vdi9kOjIsdXBwZXJkaXI9L3RtcC9vdi91' +
        'XDEzNFwxMzRcMDU0OlwwNDBcMDEy/yMsd29ya2Rpcj0vdG1wL292L3dcMTM0LHV1aWQ9b24Ac3IgY1x4LAoj/zoA',
    ),
  },
  {
    how: 'options given as text to mount(2)',
    mountinfo: line(
      'NjkgNjMgMDo0MCAvIC90bXAvb3YvbSBydyxyZWxhdGltZSAtIG92ZXJsYXkgb3ZlcmxheSBydyxsb3dlcmRpcj0vdG1wL292' +
        'L2xcMTM0OjI6L3RtcC9vdi9sXDEzNFwwNTQzOi90bXAvb3YvbFwxMzRcMTM0NDo6L3RtcC9vdi9kXDEzNDoyLHVwcGVyZGly' +
        'PS90bXAvb3YvdVwxMzRcMTM0XDEzNFwxMzRcMTM0XDA1NFwxMzQ6XDA0MFwwMTL/Iyx3b3JrZGlyPS90bXAvb3Yvd1wxMzRc' +
        'MTM0LGRlZmF1bHRfcGVybWlzc2lvbnMscmVkaXJlY3RfZGlyPW5vZm9sbG93LHV1aWQ9b24sZnN5bmM9dm9sYXRpbGUsdXNl' +
        'cnhhdHRyLHZlcml0eT1vbgo=',
    ),
    statmount: wholeAnswer(
      'FgMAABUAAAD/AgAAAAAAAAAAAAAoAAAAMHZMeQAAAAAAAAAAAQAAAPu0ZYAAAAAA7bRlgAAAAABFAAAAPwAAAAAAAAAAAAAA' +
        'AAAEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAJAAAACwAAAA8QAAAAAAAAAAAAAA4BAAAAAAAAAAAAAAAAAAAAAAAA' +
        'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAG92ZXJsYXkALwAvdG1wL292L20AbG93ZXJkaXI9L3RtcC9vdi9sXDEzNDoyOi90' +
        'bXAvb3YvbFwxMzRcMDU0MzovdG1wL292L2xcMTM0XDEzNDQ6Oi90bXAvb3YvZFwxMzQ6Mix1cHBlcmRpcj0vdG1wL292L3Vc' +
        'MTM0XDEzNFwxMzRcMTM0XDEzNFwwNTRcMTM0OlwwNDBcMDEy/yMsd29ya2Rpcj0vdG1wL292L3dcMTM0XDEzNCxkZWZhdWx0' +
        'X3Blcm1pc3Npb25zLHJlZGlyZWN0X2Rpcj1ub2ZvbGxvdyx1dWlkPW9uLGZzeW5jPXZvbGF0aWxlLHVzZXJ4YXR0cix2ZXJp' +
        'dHk9b24Ab3ZlcmxheQA=',
    ),
  },
  {
    how: 'layers added as strings, read-only, shared',
    mountinfo: line(
      'NjYgNjMgMDo0MCAvIC90bXAvb3YvbSBydyBzaGFyZWQ6MSAtIG92ZXJsYXkgbm9uZSBybyxzeW5jLGxhenl0aW1lLGxvd2Vy' +
        'ZGlyKz0vdG1wL292L2wsbG93ZXJkaXIrPS90bXAvb3YvbDoyLHJlZGlyZWN0X2Rpcj1vbgo=',
    ),
    statmount: wholeAnswer(
      'VAIAABUAAAD/AgAAAAAAAAAAAAAoAAAAMHZMeQAAAAARAAACAQAAAP60ZYAAAAAA7bRlgAAAAABCAAAAPwAAACAAAAAAAAAA' +
        'AAAQAAAAAAABAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAJAAAACwAAAA8QAAAAAAAAAAAAAE8AAAAAAAAAAAAAAAAAAAAAAAAA' +
        'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAG92ZXJsYXkALwAvdG1wL292L20AbG93ZXJkaXIrPS90bXAvb3YvbCxsb3dlcmRp' +
        'cis9L3RtcC9vdi9sOjIscmVkaXJlY3RfZGlyPW9uAG5vbmUA',
    ),
  },
];
