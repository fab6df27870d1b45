/** Certificates and keys for tests, valid until 2126. None of them opens anything. */

function pem(label: string, lines: readonly string[]): string {
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n');
}

/** A certificate of {@link ISSUER}. */
export const CERTIFICATE = pem('CERTIFICATE', [
  'MIIBIjCByAICEmcwCgYIKoZIzj0EAwIwHTEbMBkGA1UEAwwSaXNzdWVyLmV4YW1w',
  'bGUuY29tMCAXDTI2MTEyNDAwNTYxM1oYDzIxMjYxMDMxMDA1NjEzWjAaMRgwFgYD',
  'VQQDDA9sYXcuZXhhbXBsZS5jb20wWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAARc',
  'eM/hL45vGFyVsSbaruW+OIU/AqioU4XvqCCNFwTdi2fcuiwX6YE/miHVpFLwD6L5',
  'LgLiQobgxxoZ5Md9mlF7MAoGCCqGSM49BAMCA0kAMEYCIQDgoUceEW9cK+K/5mCn',
  '759o//xdvJXz9957EvJI7Pgh6QIhANaKtxdqY9y0evJo/61T51ry5/vQSyL4af7m',
  'AnwYSzJR',
]);

/** The private key of {@link CERTIFICATE}. */
export const PRIVATE_KEY = pem('PRIVATE KEY', [
  'MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgLuJnI6Jx7cfI+7rK',
  'qE69+Ze9OuhrjCNgRs04u/ack/yhRANCAARceM/hL45vGFyVsSbaruW+OIU/Aqio',
  'U4XvqCCNFwTdi2fcuiwX6YE/miHVpFLwD6L5LgLiQobgxxoZ5Md9mlF7',
]);

/** A certificate that nobody else has issued. */
export const ISSUER = pem('CERTIFICATE', [
  'MIIBkDCCATegAwIBAgIUPdyd8OQuI27XRHKAuZvH/GoA0AowCgYIKoZIzj0EAwIw',
  'HTEbMBkGA1UEAwwSaXNzdWVyLmV4YW1wbGUuY29tMCAXDTI2MTEyNDAwNTYxM1oY',
  'DzIxMjYxMDMxMDA1NjEzWjAdMRswGQYDVQQDDBJpc3N1ZXIuZXhhbXBsZS5jb20w',
  'WTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAQqcLOKCgqwqSaJru+8JylorbcJOajO',
  '1tGVGVGoviQatvEBwIKylYI0dAnvUqOwlfaWQ91h4D+veStLtNmHg6kfo1MwUTAd',
  'BgNVHQ4EFgQUR9fMeNyQsGT7RDvTlA3gt6ADmYgwHwYDVR0jBBgwFoAUR9fMeNyQ',
  'sGT7RDvTlA3gt6ADmYgwDwYDVR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNHADBE',
  'AiB+54//odwjd+1ZZ8GfxnDGJ7KrO68LNaUgUoq89GY+QQIgDw3mndaNXBbTZAqG',
  'gVzw9IInvLwoQF42HHWhJuG04ZQ=',
]);

export const OTHER_CERTIFICATE = pem('CERTIFICATE', [
  'MIIBjzCCATWgAwIBAgIUK0k1xEIfoWRmH4/dlw7rfVZyt88wCgYIKoZIzj0EAwIw',
  'HDEaMBgGA1UEAwwRb3RoZXIuZXhhbXBsZS5jb20wIBcNMjYxMTI0MDA1NjEzWhgP',
  'MjEyNjEwMzEwMDU2MTNaMBwxGjAYBgNVBAMMEW90aGVyLmV4YW1wbGUuY29tMFkw',
  'EwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEHf7jcpx3PBZhMKsSitv4CGqcU4mfey3X',
  'tdKY+/XLdnSpz0rRTKDHBJUW601XPjVK/S92o8CyFaM9kK7j3+sSZKNTMFEwHQYD',
  'VR0OBBYEFEQKhaGqEXv+j/XKd/vOH69Zn0O5MB8GA1UdIwQYMBaAFEQKhaGqEXv+',
  'j/XKd/vOH69Zn0O5MA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDSAAwRQIh',
  'AMCvNbwuaVLk7w07ftBQL4quYU/g3DVW37j83ZGPuWn7AiBfUMRq9IzGe4xnHY5m',
  'vypt5mhxd4EtcKFnSMtFX6sASg==',
]);

export const THIRD_CERTIFICATE = pem('CERTIFICATE', [
  'MIIBjzCCATWgAwIBAgIUd9ytinesfaK4f5hQ+YeGWABv4t0wCgYIKoZIzj0EAwIw',
  'HDEaMBgGA1UEAwwRdGhpcmQuZXhhbXBsZS5jb20wIBcNMjYxMTI0MDA1NjEzWhgP',
  'MjEyNjEwMzEwMDU2MTNaMBwxGjAYBgNVBAMMEXRoaXJkLmV4YW1wbGUuY29tMFkw',
  'EwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEkUcy21k9e1OtlCbS3jNueOdIvixzc6lc',
  'x2ySscuXUiUlxZCawothdjwWPrUczmavhCMJb8C3UpNJPqvigMvZ+qNTMFEwHQYD',
  'VR0OBBYEFKXA8jzQIP+CmqB8bB8afUCBZ6NhMB8GA1UdIwQYMBaAFKXA8jzQIP+C',
  'mqB8bB8afUCBZ6NhMA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDSAAwRQIg',
  'ZM6fsni9fwWrtjfkl7gk1HeplqIzZZKT/C/5f+r5dNcCIQDjJdgEaOnCutcqEC+5',
  'BpQfJBM4htfUyeOW3o78l6CgOQ==',
]);

/** A public key of 2048 bits as ssh-keygen writes it, without the comment. */
export const SSH_KEY = `ssh-rsa ${[
  'AAAAB3NzaC1yc2EAAAADAQABAAABAQCYgA4hcBjVtpAHoqmfBD8sZjMjbMX1Dozpnuug2CyZNZh389JUdX6q24wmqjLaL4y+5gK6',
  'bUcvoamdSNl5TdTT5DR0p5bb1Xjn6QX7+NLlDPGLcW8EYDXGOuCUSn29JMtuUkm5uc2Au+y/eWqpsO7K/TXClpdadixfTNA5w9EL',
  't3dURWJ+fyXC4k7BrXZyqVn8uJlw3kumgYZl+vgZSxQaXMRTCpqRJt3jEsZRNZv3dCNxmmYTUTEOTX3iUv+FAhRRvnAh0RFXY8tb',
  'k78kqEihNMrSKuz6a0O8CndyT1tJvPulqQ2UQQnpVHe2Qilb9DOINob+67KcGILZRq+FvFjF',
].join('')}`;

/** {@link SSH_KEY} as OpenSSL writes it. */
export const SSH_KEY_IN_PEM = pem('PUBLIC KEY', [
  'MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAmIAOIXAY1baQB6KpnwQ/',
  'LGYzI2zF9Q6M6Z7roNgsmTWYd/PSVHV+qtuMJqoy2i+MvuYCum1HL6GpnUjZeU3U',
  '0+Q0dKeW29V45+kF+/jS5Qzxi3FvBGA1xjrglEp9vSTLblJJubnNgLvsv3lqqbDu',
  'yv01wpaXWnYsX0zQOcPRC7d3VEVifn8lwuJOwa12cqlZ/LiZcN5LpoGGZfr4GUsU',
  'GlzEUwqakSbd4xLGUTWb93QjcZpmE1ExDk194lL/hQIUUb5wIdERV2PLW5O/JKhI',
  'oTTK0irs+mtDvAp3ck9bSbz7pakNlEEJ6VR3tkIpW/QziDaG/uuynBiC2UavhbxY',
  'xQIDAQAB',
]);

/** {@link SSH_KEY} as PKCS #1 has it. */
export const SSH_KEY_IN_PKCS1 = pem('RSA PUBLIC KEY', [
  'MIIBCgKCAQEAmIAOIXAY1baQB6KpnwQ/LGYzI2zF9Q6M6Z7roNgsmTWYd/PSVHV+',
  'qtuMJqoy2i+MvuYCum1HL6GpnUjZeU3U0+Q0dKeW29V45+kF+/jS5Qzxi3FvBGA1',
  'xjrglEp9vSTLblJJubnNgLvsv3lqqbDuyv01wpaXWnYsX0zQOcPRC7d3VEVifn8l',
  'wuJOwa12cqlZ/LiZcN5LpoGGZfr4GUsUGlzEUwqakSbd4xLGUTWb93QjcZpmE1Ex',
  'Dk194lL/hQIUUb5wIdERV2PLW5O/JKhIoTTK0irs+mtDvAp3ck9bSbz7pakNlEEJ',
  '6VR3tkIpW/QziDaG/uuynBiC2UavhbxYxQIDAQAB',
]);

export const OTHER_SSH_KEY = `ssh-rsa ${[
  'AAAAB3NzaC1yc2EAAAADAQABAAABAQC1yNdXZZl9wzTz11QxHqji1XXNepsL1bPPclTwQfVoepqL2zjBGfwvIwTz0RUtY3EjGySf',
  'FC52dVZ7/3LfYMJmF57NLsCsJcZ0V7SyzygckXR8djOVtO/uPOfJwAASAnX4ph4Bn/Z0wW2I6ECQpq+kxUiG09KSeSai8QnhhVUR',
  'O4+mpsWt2mGKVBgX6NC7OdVuATGQm+LVyPeqXtxXS+bTgj81S4MhISRwozjPUf2/MM5LefC0wdZrVrVi0k9WLvtR3C/YQH00NSQS',
  'bc4zcCagcYPx+RmWNLPNLxBGwyFF35LbwwAef0y7tXJvt+EzVh2VdYdWr2r7ZoCAzbTpegWD',
].join('')}`;

/** A public key of 1024 bits. */
export const SHORT_SSH_KEY = pem('PUBLIC KEY', [
  'MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDBYUzy7lK7u37XVS7B+k1+YTm7',
  '1YRCaXz7S+yyYuOuNai3VK5BMnQVr06i7/KkRiohA29DkqrWjiErROXnFM/+5ZWk',
  'YKWGPupwXrqqDO0i82Rhl8IG/BZfWWDnw5781jlKGIV2EO/rZLknRlu2mQam+itT',
  'm9YmMM3Bqf1pPP0xMwIDAQAB',
]);
